import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../engine/clock.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import { normalizeAddress, pathOf, readHeaders, type RequestHeaders } from '../engine/handshake/request.ts'
import type { Inside } from '../engine/inside.ts'
import type { HttpAnswer, RawRequest, ReadBody } from '../engine/runtime.ts'
import { ControlJournal } from './journal.ts'

/** Where it is. */
const CONTROL_PATH = '/.sidewire/'

export interface ControlOptions {
  /** What a request has to carry, as `Authorization: Bearer <token>`. */
  readonly token?: string | undefined
  /** Whether the server listens on loopback addresses alone. */
  readonly isLoopback: boolean
}

/** Why a request is refused, in one stable word. */
export type ControlErrorCode = 'address' | 'origin' | 'token' | 'path' | 'method' | 'body' | 'target'

/** An open connection, as the endpoint lists it. */
export interface ControlConnection {
  readonly id: string
  readonly path: string
  readonly rooms: readonly string[]
  readonly remoteAddress: string
  readonly userAgent?: string
  readonly subprotocol: string
  readonly bufferedAmount: number
}

/** Whom a command is for. */
type Target =
  | { readonly connection: string }
  | { readonly pattern: string; readonly rooms?: readonly string[] }

const MAX_BODY_BYTES = 16 * 1024 * 1024
/** A client that does not go on with its body is not waited for. */
const BODY_TIMEOUT_MS = 10_000
const MAX_WAIT_MS = 30_000

class Refused extends Error {
  readonly status: number
  readonly code: ControlErrorCode

  constructor(status: number, code: ControlErrorCode, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** What other processes may ask of a server, and tell it, over HTTP: see docs/reference/control.md. */
export class Control {
  readonly #inside: Inside
  readonly #clock: Clock
  readonly #options: ControlOptions
  readonly #journal: ControlJournal
  readonly #stop: () => void

  constructor(inside: Inside, clock: Clock, options: ControlOptions) {
    this.#inside = inside
    this.#clock = clock
    this.#options = options
    this.#journal = new ControlJournal(clock)
    this.#stop = inside.listen(this.#journal.listen)
  }

  close(): void {
    this.#stop()
    this.#journal.close()
  }

  /** `undefined`: the path is none of its. */
  answer(raw: RawRequest, body: ReadBody): Promise<HttpAnswer> | undefined {
    if (!raw.url.startsWith(CONTROL_PATH)) return undefined
    return this.#answer(raw, body).catch(failed)
  }

  async #answer(raw: RawRequest, readBody: ReadBody): Promise<HttpAnswer> {
    const { headers } = readHeaders(raw.rawHeaders)
    assertLocal(raw, headers)
    const name = pathOf(raw.url).slice(CONTROL_PATH.length)
    const query = new URLSearchParams(raw.url.split('?')[1] ?? '')
    const changes = name === 'send' || name === 'disconnect'
    if (!changes && name !== 'journal' && name !== 'connections')
      throw new Refused(
        404,
        'path',
        `there is no ${CONTROL_PATH}${name}: journal, connections, send, disconnect`,
      )
    const method = changes ? 'POST' : 'GET'
    if (raw.method !== method)
      throw new Refused(405, 'method', `${CONTROL_PATH}${name} takes ${method}, not ${raw.method}`)
    this.#assertToken(headers, changes)
    switch (name) {
      case 'journal':
        return json(
          await this.#journal.wait(wholeOf(query, 'after'), Math.min(MAX_WAIT_MS, wholeOf(query, 'wait'))),
        )
      case 'connections':
        return json({ connections: this.#inside.openConnections().map(listed) })
      case 'send':
        return json(this.#send(await this.#command(readBody)))
      case 'disconnect':
      default:
        return json(this.#disconnect(await this.#command(readBody)))
    }
  }

  /** @throws for a command that is none */
  async #command(readBody: ReadBody): Promise<Record<string, unknown>> {
    const bytes = await this.#inTime(readBody(MAX_BODY_BYTES))
    if (!bytes)
      throw new Refused(
        413,
        'body',
        `the body has more than ${MAX_BODY_BYTES} bytes, or did not come in time`,
      )
    let command: unknown
    try {
      command = JSON.parse(Buffer.from(bytes).toString())
    } catch (error) {
      throw new Refused(400, 'body', `the body is no JSON: ${(error as Error).message}`)
    }
    if (typeof command !== 'object' || command === null || Array.isArray(command))
      throw new Refused(400, 'body', `the body is ${describe(command)}; it has to be an object`)
    return command as Record<string, unknown>
  }

  /** `undefined`, too, if the client does not go on with it. */
  async #inTime(body: Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(BODY_TIMEOUT_MS, () => resolve(undefined))
      void body.then((bytes) => {
        timer.cancel()
        resolve(bytes)
      })
    })
  }

  #send(command: Record<string, unknown>): { readonly receivers: number } {
    const target = targetOf(command)
    const data = messageOf(command)
    if ('connection' in target) {
      const status = this.#find(target.connection).send(data)
      return { receivers: status === 'closed' || status === 'dropped' ? 0 : 1 }
    }
    const receivers = this.#reached(target).length
    this.#inside.publishTo(target.pattern, data, target.rooms && { rooms: [...target.rooms] })
    return { receivers }
  }

  #disconnect(command: Record<string, unknown>): { readonly connections: number } {
    const target = targetOf(command)
    const { code, reason = '' } = command
    if (code !== undefined && typeof code !== 'number')
      throw new Refused(
        400,
        'body',
        `code is ${describe(code)}; it has to be a close code, or missing to cut`,
      )
    if (typeof reason !== 'string')
      throw new Refused(400, 'body', `reason is ${describe(reason)}; it has to be a string`)
    const all = 'connection' in target ? [this.#find(target.connection)] : this.#reached(target)
    for (const conn of all) {
      if (code === undefined) conn.forceClose()
      else conn.close(code, reason)
    }
    return { connections: all.length }
  }

  #reached({ pattern, rooms }: Extract<Target, { pattern: string }>): WebSocketConnection[] {
    const all = this.#inside.openConnections(pattern)
    return rooms ? all.filter((conn) => rooms.some((room) => conn.isInRoom(room))) : all
  }

  #find(id: string): WebSocketConnection {
    const conn = this.#inside.openConnections().find((each) => each.id === id)
    if (conn) return conn
    throw new Refused(
      404,
      'target',
      `no open connection has the id ${describe(id)}; GET ${CONTROL_PATH}connections lists them`,
    )
  }

  #assertToken(headers: RequestHeaders, changes: boolean): void {
    const { token, isLoopback } = this.#options
    if (token === undefined) {
      if (isLoopback || !changes) return
      throw new Refused(
        403,
        'token',
        'this server listens beyond loopback, and what changes something needs a token there: control: { token }',
      )
    }
    const [, given = ''] = /^bearer (.+)$/i.exec(headers['authorization'] ?? '') ?? []
    const [one, other] = [Buffer.from(given), Buffer.from(token)]
    if (one.length !== other.length || !timingSafeEqual(one, other))
      throw new Refused(401, 'token', 'the token is missing or wrong: Authorization: Bearer <token>')
  }
}

/**
 * From this machine, by a program: a page of a browser names itself in `Origin`, or is told apart by `Sec-Fetch-Site`, and
 * a name that was rebound to our address (CVE-2025-24010) stands in `Host`.
 */
function assertLocal(raw: RawRequest, headers: RequestHeaders): void {
  if (!isLoopbackAddress(normalizeAddress(raw.remoteAddress)))
    throw new Refused(403, 'address', 'only this machine is answered')
  const host = headers['host'] ?? ''
  if (!/^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host))
    throw new Refused(403, 'origin', `the Host ${describe(host)} is none of this machine`)
  const origin = headers['origin']
  const own = `${raw.encrypted ? 'https' : 'http'}://${host}`
  if (origin !== undefined && origin.toLowerCase() !== own.toLowerCase())
    throw new Refused(403, 'origin', `a page of ${describe(origin)} is not answered`)
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new Refused(403, 'origin', `a request of another page (${describe(site)}) is not answered`)
}

export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || address === 'localhost' || /^127(?:\.\d{1,3}){3}$/.test(address)
}

function targetOf({ to }: Record<string, unknown>): Target {
  const wanted = 'to has to be { connection: <id> }, or { pattern: <of a handler>, rooms?: [<room>, ...] }'
  if (typeof to !== 'object' || to === null)
    throw new Refused(400, 'target', `to is ${describe(to)}; ${wanted}`)
  const { connection, pattern, rooms } = to as Record<string, unknown>
  if (typeof connection === 'string' && pattern === undefined && rooms === undefined) return { connection }
  const isList = Array.isArray(rooms) && rooms.every((room) => typeof room === 'string')
  if (typeof pattern !== 'string' || connection !== undefined || (rooms !== undefined && !isList))
    throw new Refused(400, 'target', `to is ${describe(to)}; ${wanted}`)
  return { pattern, ...(rooms !== undefined && { rooms }) }
}

function messageOf(command: Record<string, unknown>): unknown {
  const given = (['data', 'text', 'base64'] as const).filter((name) => command[name] !== undefined)
  const [kind] = given
  if (kind === undefined || given.length > 1)
    throw new Refused(400, 'body', 'give one of data (JSON, as the handler would send it), text, base64')
  const value = command[kind]
  if (kind === 'data') return value
  if (typeof value !== 'string')
    throw new Refused(400, 'body', `${kind} is ${describe(value)}; it has to be a string`)
  if (kind === 'text') return value
  if (!/^[+/0-9A-Za-z]*={0,2}$/.test(value))
    throw new Refused(400, 'body', `base64 is ${describe(value)}, which is none`)
  return Buffer.from(value, 'base64')
}

function wholeOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '0'
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new Refused(400, 'body', `${name} is ${describe(text)}; it has to be a whole number`)
}

function listed(conn: WebSocketConnection): ControlConnection {
  const { id, path, subprotocol, bufferedAmount, req } = conn
  const userAgent = req.headers['user-agent']
  const { remoteAddress } = req.socket
  return {
    id,
    path,
    rooms: conn.getRooms(),
    remoteAddress,
    ...(userAgent !== undefined && { userAgent }),
    subprotocol,
    bufferedAmount,
  }
}

function json(value: unknown, status: number = 200): HttpAnswer {
  return {
    status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
    body: JSON.stringify(value),
  }
}

function failed(thrown: unknown): HttpAnswer {
  const { message } = thrown as Error
  if (thrown instanceof Refused) return json({ error: { code: thrown.code, message } }, thrown.status)
  // A pattern that no handler has, a close code that may not be sent, what cannot be serialised.
  if (thrown instanceof SidewireError) return json({ error: { code: thrown.code, message } }, 400)
  return json({ error: { code: 'body', message } }, 500)
}
