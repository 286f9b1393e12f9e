import type { HarMessage } from './har-fields.ts'

/** Whose clock it was. */
export interface HarCreator {
  readonly name: string
  readonly version: string
  readonly browser: string
}

/** Seconds since the epoch are below it for 3,000 years, milliseconds above it since 1973. */
const FIRST_MS = 1e11
const FIRST_SECONDS = 1e9

/**
 * When each message was, in milliseconds since the epoch: exporters write seconds (Chrome, mitmproxy) or milliseconds
 * (Playwright). `undefined` if they say nothing (Playwright's `mode: 'minimal'` writes -1), and only the order is known.
 */
export function timesOf(messages: readonly HarMessage[], creator: HarCreator): readonly number[] | undefined {
  const times = messages.map(({ time }) =>
    time > FIRST_MS ? time : time >= FIRST_SECONDS ? time * 1000 : undefined,
  )
  if (times.includes(undefined)) return undefined
  const [first = 0] = times
  // Fixed with the next version, in June 2026: what was added to the first time was in seconds.
  const isTooFast =
    creator.name === 'Playwright' && creator.version === '1.61.0' && creator.browser !== 'firefox'
  return times.map((time = 0) => (isTooFast ? first + (time - first) * 1000 : time))
}
