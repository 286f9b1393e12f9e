import { describe, SidewireError } from '../engine/errors.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { ServerOptions } from '../engine/handler/options.ts'
import { MAX_TIMER_MS } from '../engine/timers.ts'

export interface TestServerOptions extends Omit<ServerOptions, 'wsHandlers'> {
  /** @defaultValue [] */
  handlers?: readonly UniversalApiWsHandler[]
  /** `'virtual'`: the engine's time goes only by `server.clock.advance(ms)`. @defaultValue 'real' */
  clock?: 'real' | 'virtual'
  /** Milliseconds that `connection()` and `received.next()` wait, of real time. @defaultValue 1000 */
  timeout?: number
  /** `verify()` also fails for a message that neither a rule nor `onMessage` took. @defaultValue false */
  strict?: boolean
}

export interface Refusal {
  /** How many handshakes. @defaultValue all, until `reset()` */
  times?: number
  /** 400 to 599. @defaultValue 503 */
  status?: number
  /** Milliseconds of the server's clock before the answer. @defaultValue 0 */
  delay?: number
}

export const DEFAULT_TIMEOUT = 1000
const DEFAULT_STATUS = 503

interface Resolved {
  readonly handlers: readonly UniversalApiWsHandler[]
  readonly clock: 'real' | 'virtual'
  readonly timeout: number
  readonly strict: boolean
  readonly serverOptions: ServerOptions
}

/** @throws `ERR_OPTION` for what is the kit's own; the rest is checked where the server starts */
export function resolveTestServerOptions(
  given: readonly UniversalApiWsHandler[] | TestServerOptions,
): Resolved {
  if (typeof given !== 'object' || given === null)
    throw wrong(`createTestServer() got ${describe(given)}`, 'a list of handlers, or an object of options')
  const options: TestServerOptions = Array.isArray(given) ? { handlers: given } : (given as TestServerOptions)
  const { handlers = [], clock = 'real', timeout = DEFAULT_TIMEOUT, strict = false, ...more } = options
  for (const name of ['wsHandlers', 'handler'])
    if (name in more)
      throw new SidewireError('ERR_OPTION', `unknown option "${name}"; createTestServer() has "handlers"`)
  if (!Array.isArray(handlers))
    throw wrong(`option "handlers" is ${describe(handlers)}`, 'a list of handlers')
  if (clock !== 'real' && clock !== 'virtual')
    throw wrong(`option "clock" is ${describe(clock)}`, `'real' or 'virtual'`)
  if (typeof strict !== 'boolean') throw wrong(`option "strict" is ${describe(strict)}`, 'true or false')
  checkTime('timeout', timeout)
  const serverOptions: ServerOptions = {
    host: '127.0.0.1',
    port: 0,
    endpointPrefix: '',
    allowedOrigins: true,
    logLevel: 'silent',
    runtime: process.versions['bun'] === undefined ? 'ws' : 'bun',
    ...more,
  }
  return { handlers, clock, timeout, strict, serverOptions }
}

/** @throws `ERR_OPTION` */
export function resolveRefusal(pattern: string, refusal: Refusal): Required<Refusal> {
  if (typeof pattern !== 'string')
    throw wrong(`refuse() got ${describe(pattern)} for a pattern`, "a path such as '/chat', or '/**' for all")
  if (typeof refusal !== 'object' || refusal === null)
    throw wrong(`refuse() got ${describe(refusal)} behind the pattern`, '{ times, status, delay }')
  const { times = Infinity, status = DEFAULT_STATUS, delay = 0, ...more } = refusal
  const [unknown] = Object.keys(more)
  if (unknown !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `refuse(): unknown option "${unknown}"; known are times, status, delay`,
    )
  if (times !== Infinity && !(Number.isInteger(times) && times >= 1))
    throw wrong(`refuse(): option "times" is ${describe(times)}`, 'a whole number from 1, or Infinity')
  if (!Number.isInteger(status) || status < 400 || status > 599)
    throw wrong(`refuse(): option "status" is ${describe(status)}`, 'the status of a refusal, 400 to 599')
  if (!(typeof delay === 'number' && delay >= 0 && delay <= MAX_TIMER_MS))
    throw wrong(`refuse(): option "delay" is ${describe(delay)}`, `milliseconds from 0 to ${MAX_TIMER_MS}`)
  return { times, status, delay }
}

/** @throws `ERR_OPTION` */
export function checkTime(name: string, ms: number): void {
  if (typeof ms === 'number' && ms >= 0 && (ms <= MAX_TIMER_MS || ms === Infinity)) return
  throw wrong(`option "${name}" is ${describe(ms)}`, `milliseconds from 0 to ${MAX_TIMER_MS}, or Infinity`)
}

/** What the server calls `wsHandlers` is `handlers` here. */
export function inWordsOfTheKit(thrown: unknown): unknown {
  if (!(thrown instanceof SidewireError)) return thrown
  const message = thrown.message.replaceAll(/\bwsHandlers\b/g, 'handlers')
  return message === thrown.message ? thrown : new SidewireError(thrown.code, message, { cause: thrown })
}

export function wrong(found: string, accepted: string): SidewireError {
  return new SidewireError('ERR_OPTION', `${found}; it has to be ${accepted}`)
}
