// The platform's timers, as they are when this module loads. A test's fake timers (`vi.useFakeTimers()`) take their
// place on the global object; whoever looks them up there later is frozen with the test. So nothing in a server does:
// the linter sees to it.

const { performance } = globalThis

export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout
export const setInterval: typeof globalThis.setInterval = globalThis.setInterval
export const clearInterval: typeof globalThis.clearInterval = globalThis.clearInterval
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask
/** Longer timers overflow and fire at once (a signed 32-bit integer in every runtime). */
export const MAX_TIMER_MS: number = 2 ** 31 - 1
/** Milliseconds that only go forward, whatever happens to the date. */
export const now: () => number = performance.now.bind(performance)
/** Milliseconds since the epoch. */
export const date: () => number = Date.now
