import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Codec } from '../engine/connection/codec.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import type { ClientTls } from '../wire/client-socket.ts'
import { targetOf, type Target } from '../wire/target.ts'
import type { Expecting } from './wait.ts'
import { checkTime, DEFAULT_TIMEOUT, wrong } from './options.ts'

export interface ConnectOptions extends Expecting {
  /**
   * Milliseconds, of real time: until the connection is open, and later those of `received.next()`.
   * @defaultValue 1000
   */
  timeout?: number
  /** Ends the opening at once, with its reason. */
  signal?: AbortSignal
  /** The subprotocols that are offered, the dearest first. @defaultValue none */
  protocols?: string | readonly string[]
  /** Of the handshake, besides its own: `Authorization`, `Cookie`, `Origin`. @defaultValue none */
  headers?: Readonly<Record<string, string>>
  /** What is sent becomes what, and what comes. @defaultValue `jsonCodec` */
  codec?: Codec
  /** Of a `wss:` URL. */
  tls?: ClientTls
}

export interface ResolvedConnectOptions {
  readonly target: Target
  readonly timeout: number
  readonly signal: AbortSignal | undefined
  readonly protocols: readonly string[]
  /** `Name: value` */
  readonly headers: readonly string[]
  readonly codec: Codec | undefined
  readonly tls: ClientTls
}

const KNOWN = ['timeout', 'signal', 'protocols', 'headers', 'codec', 'tls']
/** RFC 6455 4.1 and RFC 9110 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
/** What the handshake is made of. */
const ITS_OWN = /^(?:upgrade|connection|sec-websocket-(?:key|version|protocol|extensions))$/i

/** @throws `ERR_OPTION` */
export function resolveConnectOptions(url: unknown, options: ConnectOptions): ResolvedConnectOptions {
  const target = webSocketTarget('connect', url)
  if (typeof options !== 'object' || options === null)
    throw wrong(`connect() got ${describe(options)} behind the URL`, `{ ${KNOWN.join(', ')} }`)
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `connect(): unknown option "${unknown}"; known are ${KNOWN.join(', ')}`,
    )
  const { timeout = DEFAULT_TIMEOUT, signal, protocols = [], headers = {}, codec, tls = {} } = options
  checkTime('timeout', timeout)
  const names = typeof protocols === 'string' ? [protocols] : protocols
  if (!Array.isArray(names) || !names.every((name) => TOKEN.test(String(name))))
    throw wrong(`option "protocols" is ${describe(protocols)}`, 'a list of names without spaces or commas')
  if (new Set(names).size < names.length)
    throw wrong(`option "protocols" is ${describe(protocols)}`, 'a list that has each name once')
  if (codec !== undefined && !(typeof codec?.encode === 'function' && typeof codec.decode === 'function'))
    throw wrong(`option "codec" is ${describe(codec)}`, 'an object with the functions encode and decode')
  if (typeof tls !== 'object' || tls === null)
    throw wrong(`option "tls" is ${describe(tls)}`, '{ ca, cert, key, passphrase, rejectUnauthorized }')
  return { target, timeout, signal, protocols: names, headers: headerLines(headers), codec, tls }
}

/** @throws `ERR_OPTION` for what is no URL of a WebSocket */
export function webSocketTarget(what: string, url: unknown): Target {
  const text = String(url)
  const target = /^wss?:/i.test(text) ? targetOf(text) : undefined
  if (!target) throw wrong(`${what}() got ${describe(url)}`, 'a ws: or wss: URL')
  const { username, password } = new URL(text)
  if (username !== '' || password !== '')
    throw new SidewireError(
      'ERR_OPTION',
      `${what}() got a URL with a user or a password, which a WebSocket does not send; give it headers: { Authorization }`,
    )
  return target
}

function headerLines(headers: unknown): string[] {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    throw wrong(`option "headers" is ${describe(headers)}`, 'an object of names and values')
  return Object.entries(headers as Record<string, unknown>).map(([name, value]) => {
    if (ITS_OWN.test(name))
      throw new SidewireError(
        'ERR_OPTION',
        `option "headers" has ${describe(name)}, which is the handshake's own; subprotocols are the option "protocols"`,
      )
    if (typeof value !== 'string') throw wrong(`option "headers.${name}" is ${describe(value)}`, 'a string')
    try {
      validateHeaderName(name)
      validateHeaderValue(name, value)
    } catch (cause) {
      throw new SidewireError('ERR_OPTION', `option "headers": ${(cause as Error).message}`, { cause })
    }
    return `${name}: ${value}`
  })
}
