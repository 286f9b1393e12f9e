import { describe, SidewireError } from '../engine/errors.ts'
import { ClientSocket } from '../wire/client-socket.ts'
import { webSocketTarget } from './connect-options.ts'
import { show } from './failure.ts'
import type { Closed } from './journal.ts'
import { inTime, type Expecting } from './wait.ts'
import { DEFAULT_TIMEOUT } from './options.ts'
import { matches, type Pattern } from './pattern.ts'
import type { TestPeer } from './test-connection.ts'

/** What a matcher gives to `expect.extend` of Vitest, Jest and Bun. */
interface Result {
  readonly pass: boolean
  readonly message: () => string
  readonly actual?: unknown
  readonly expected?: unknown
}

interface MatcherContext {
  readonly isNot?: boolean | undefined
}

/** As `Closed`; what is left out may be anything. */
interface HowClosed {
  readonly code?: number
  readonly reason?: string | RegExp
  readonly wasClean?: boolean
}

/** As a test calls them: `await expect(connection).toReceive({ type: 'join' })`. */
export interface SidewireMatchers {
  /** As `received.next`; with `.not` as `received.none`, and `for` says how long. */
  toReceive(pattern?: Pattern, options?: Expecting & { for?: number }): Promise<void>
  /** Among all that came until now, and whatever `next` has passed; with `times` exactly so often. */
  toHaveReceived(pattern: Pattern, options?: { times?: number }): void
  /** The connection is closed, or closes in time (1,000 ms), and so. */
  toClose(how?: HowClosed, options?: Expecting): Promise<void>
  /** Of a URL: its handshake is answered with a status that is not 101; with `status`, with that one. */
  toRefuse(status?: number, options?: Expecting): Promise<void>
}

/** For `expect.extend`; `sidewire/vitest` and `sidewire/jest` do it, and have the types. */
export const matchers: {
  [Name in keyof SidewireMatchers]: (
    this: MatcherContext,
    actual: any,
    ...args: Parameters<SidewireMatchers[Name]>
  ) => ReturnType<SidewireMatchers[Name]> extends Promise<void> ? Promise<Result> : Result
} = {
  async toReceive(actual, pattern, options = {}) {
    const { received } = peerOf('toReceive', actual)
    try {
      if (this.isNot) await received.none(pattern, { ...(options.for !== undefined && { for: options.for }) })
      else await received.next(pattern, options)
      return { pass: !this.isNot, message: () => '' }
    } catch (error) {
      // A mistake in the call is one with `.not`, too.
      if (error instanceof SidewireError) throw error
      const { message, expected, actual: found } = error as Error & { expected?: unknown; actual?: unknown }
      return { pass: this.isNot === true, message: () => message, expected, actual: found }
    }
  },

  toHaveReceived(actual, pattern, { times } = {}) {
    const { all } = peerOf('toHaveReceived', actual).received
    const count = all.filter((message) => matches(pattern, message)).length
    const message = (): string =>
      [
        `expected ${negated(this)}to have received ${show(pattern)}${often(times)}, and it ${count === 0 ? 'never came' : `came${often(count)}`}`,
        ...(all.length > 0 ? ['  received:', ...lastOf(all)] : ['  received nothing']),
      ].join('\n')
    return { pass: times === undefined ? count > 0 : count === times, message }
  },

  async toClose(actual, how = {}, options = {}) {
    const { closed } = peerOf('toClose', actual)
    const found = await inTime(closed, DEFAULT_TIMEOUT, options)
    const wanted = `expected ${negated(this)}to close${Object.keys(how).length > 0 ? ` with ${show(how)}` : ''}`
    const message = (): string =>
      found === undefined
        ? `${wanted}, and it was still open after ${options.timeout ?? DEFAULT_TIMEOUT} ms`
        : `${wanted}, and it closed with ${howItClosed(found)}`
    return { pass: found !== undefined && matches(how, found), message, expected: how, actual: found }
  },

  async toRefuse(actual, status, options = {}) {
    const aborter = new AbortController()
    const found = await inTime(statusOf(actual, aborter.signal), DEFAULT_TIMEOUT, options).finally(() =>
      aborter.abort(),
    )
    const wanted = `expected ${String(actual)} ${negated(this)}to refuse${status === undefined ? '' : ` with ${status}`}`
    const end = found === undefined ? 'it did not answer in time' : found === OPENED ? 'it opened' : found
    const message = (): string => `${wanted}, and ${typeof end === 'number' ? `it refused with ${end}` : end}`
    // Neither refused nor not.
    if (found === undefined) return { pass: this.isNot === true, message }
    return { pass: found !== OPENED && (status === undefined || status === found), message }
  },
}

/** What RFC 6455 4.2.2 has for a handshake that is taken. */
const OPENED = 101

/** What a server answers to an opening handshake. */
function statusOf(url: unknown, signal: AbortSignal): Promise<number> {
  const target = webSocketTarget('toRefuse', url)
  return new Promise((resolve, reject) => {
    const socket = new ClientSocket(
      { target, handshakeTimeout: Infinity, isEnough: () => true },
      {
        open: () => {
          resolve(OPENED)
          socket.destroy()
        },
        message: () => {},
        ended: ({ answer, why, error }) => {
          if (answer) resolve(answer.status)
          else reject(error ?? new Error(why))
        },
      },
    )
    signal.addEventListener('abort', () => socket.destroy())
  })
}

function peerOf(name: string, value: any): TestPeer {
  if (typeof value?.received?.next === 'function') return value
  throw new SidewireError(
    'ERR_OPTION',
    `${name}() got ${describe(value)}; it is for a connection: expect(await server.connection()).${name}(...)`,
  )
}

const negated = ({ isNot }: MatcherContext): string => (isNot ? 'not ' : '')

const often = (times: number | undefined): string =>
  times === undefined ? '' : times === 1 ? ' once' : ` ${times} times`

const howItClosed = ({ code, reason }: Closed): string =>
  reason === '' ? String(code) : `${code} ${JSON.stringify(reason)}`

const MAX_MESSAGES = 10

function lastOf(all: readonly unknown[]): string[] {
  const last = all.slice(-MAX_MESSAGES)
  const before = all.length - last.length
  return [...(before > 0 ? [`    ${before} before`] : []), ...last.map((each) => `    ${show(each)}`)]
}
