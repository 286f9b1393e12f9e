import type { Clock } from '../engine/clock.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { describe } from '../engine/errors.ts'
import { pathOf, readHeaders, type RequestHeaders } from '../engine/handshake/request.ts'
import type { Inside } from '../engine/inside.ts'
import type { HttpAnswer, RawRequest, ReadBody } from '../engine/runtime.ts'
import { assertLocal, hasToken } from './access.ts'
import { failed, json, Refused } from './answers.ts'
import { disconnect, readCommand, send } from './commands.ts'
import { liftFaults, listFaults, putFaults, type FaultPage } from './faults.ts'
import { ControlJournal } from './journal.ts'

/** Where it is. */
const CONTROL_PATH = '/.sidewire/'

export interface ControlOptions {
  /** What a request has to carry, as `Authorization: Bearer <token>`. */
  readonly token?: string | undefined
  /** Whether the server listens on loopback addresses alone. */
  readonly isLoopback: boolean
}

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

const MAX_WAIT_MS = 30_000

/** What there is, and how it is asked; what is no GET changes something. */
const METHODS: ReadonlyMap<string, readonly string[]> = new Map([
  ['journal', ['GET']],
  ['connections', ['GET']],
  ['faults', ['GET', 'PUT', 'DELETE']],
  ['send', ['POST']],
  ['disconnect', ['POST']],
])

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
    const [command = ''] = name.split('/', 1)
    const methods = METHODS.get(command)
    if (!methods || (command !== name && command !== 'faults'))
      throw new Refused(404, 'path', `there is no ${CONTROL_PATH}${name}: ${[...METHODS.keys()].join(', ')}`)
    if (!methods.includes(raw.method))
      throw new Refused(
        405,
        'method',
        `${CONTROL_PATH}${name} takes ${methods.join(', ')}, not ${raw.method}`,
      )
    this.#assertToken(headers, raw.method !== 'GET')
    switch (command) {
      case 'faults':
        return json(await this.#faults(raw.method, name, query.get('connection'), readBody))
      case 'journal':
        return json(
          await this.#journal.wait(wholeOf(query, 'after'), Math.min(MAX_WAIT_MS, wholeOf(query, 'wait'))),
        )
      case 'connections':
        return json({ connections: this.#inside.openConnections().map(listed) })
      case 'send':
        return json(send(this.#inside, await readCommand(readBody, this.#clock)))
      case 'disconnect':
      default:
        return json(disconnect(this.#inside, await readCommand(readBody, this.#clock)))
    }
  }

  async #faults(
    method: string,
    name: string,
    connection: string | null,
    readBody: ReadBody,
  ): Promise<FaultPage> {
    if (method === 'GET') return listFaults(this.#inside)
    const path = name.slice('faults'.length)
    const target = { pattern: patternIn(path), connection }
    if (method === 'DELETE')
      return liftFaults(this.#inside, path === '' && connection === null ? undefined : target)
    return putFaults(this.#inside, target, await readCommand(readBody, this.#clock))
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
    if (!hasToken(headers, token))
      throw new Refused(401, 'token', 'the token is missing or wrong: Authorization: Bearer <token>')
  }
}

/** Of a handler, as it stands in a URL; nothing is all. */
function patternIn(path: string): string {
  try {
    const pattern = decodeURIComponent(path)
    return pattern === '' ? '*' : pattern
  } catch {
    throw new Refused(
      400,
      'target',
      `${describe(path)} has a malformed escape; it has to be the pattern of a handler`,
    )
  }
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
