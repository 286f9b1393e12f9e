import { CloseCode } from '../engine/close.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { pathOf } from '../engine/handshake/request.ts'
import type { Inside } from '../engine/inside.ts'
import type { TapEvent } from '../engine/tap.ts'
import { describeEntry } from './failure.ts'
import { Journal, type Closed, type Entry } from './journal.ts'
import type { ServerSide } from './test-connection.ts'

/** A message that is on its way through the hooks; `matched` is known later. */
type OpenEntry = { -readonly [Key in keyof Entry]: Entry[Key] }

export interface WitnessEvents {
  /** Makes what stands for a connection. */
  opened(n: number, conn: WebSocketConnection): ServerSide
  /** It is in the list. */
  listed(): void
  pong(conn: WebSocketConnection, payload: string | Uint8Array): void
}

/** Listens to the tap of a server, and knows what has happened since the start, or since it forgot. */
export class Witness {
  readonly journal: Journal = new Journal()
  /** In the order of accept. */
  connections: ServerSide[] = []
  /** Hooks that failed, and messages that nothing took. */
  failures: Error[] = []
  readonly #events: WitnessEvents
  readonly #inside: Inside
  readonly #start: number
  readonly #strict: boolean
  readonly #byConn = new Map<WebSocketConnection, ServerSide>()
  readonly #unhandled = new Map<number, OpenEntry>()
  /** Of before: a hook of theirs that ends late is no business of the next test. */
  readonly #past = new WeakSet<WebSocketConnection>()

  /** @param start - by the engine's clock */
  constructor(events: WitnessEvents, inside: Inside, start: number, strict: boolean) {
    this.#events = events
    this.#inside = inside
    this.#start = start
    this.#strict = strict
  }

  get open(): ServerSide[] {
    return this.connections.filter((each) => each.isOpen)
  }

  forget(): void {
    for (const { conn } of this.connections) this.#past.add(conn)
    this.connections = []
    this.failures = []
    this.#byConn.clear()
    this.#unhandled.clear()
    this.journal.clear()
  }

  readonly listen = (event: TapEvent): void => {
    if ('conn' in event && event.conn && this.#past.has(event.conn)) return
    const at = event.at - this.#start
    switch (event.type) {
      case 'open': {
        const side = this.#events.opened(this.connections.length + 1, event.conn)
        this.connections.push(side)
        this.#byConn.set(event.conn, side)
        this.journal.add({ at, kind: 'connect', connection: side.n, path: side.path })
        return this.#events.listed()
      }
      case 'refused': {
        const path = pathOf(event.url ?? '')
        const { answer, close } = event
        this.journal.add({
          at,
          kind: 'refused',
          connection: 0,
          path,
          ...(answer && { status: answer.status }),
          ...(close && { close: closedWith(close.code, close.reason) }),
        })
        return undefined
      }
      case 'message': {
        const [data, raw] = [this.#read(event.pattern, event.payload), event.payload]
        const side = this.#byConn.get(event.conn)
        const entry: OpenEntry = {
          at,
          kind: 'in',
          connection: side?.n ?? 0,
          path: event.conn.path,
          data,
          raw,
        }
        this.journal.add(entry)
        this.#unhandled.set(event.n, entry)
        side?.received.push(data)
        return undefined
      }
      case 'handled': {
        const entry = this.#unhandled.get(event.message)
        this.#unhandled.delete(event.message)
        if (event.by !== undefined && entry) entry.matched = event.by
        if (event.by === undefined && this.#strict && entry)
          this.failures.push(
            new Error(
              `nothing took a message: ${describeEntry(entry)}${event.nearest === undefined ? '' : `; nearest was ${event.nearest}`}`,
            ),
          )
        return undefined
      }
      case 'sent': {
        const [data, raw] = [this.#read(event.pattern, event.payload), event.payload]
        const side = this.#byConn.get(event.conn)
        this.journal.add({ at, kind: 'out', connection: side?.n ?? 0, path: event.conn.path, data, raw })
        side?.sent.push(data)
        return undefined
      }
      case 'broadcast': {
        const [data, raw] = [this.#read(event.pattern, event.payload), event.payload]
        const sides = [...event.audience()].flatMap((conn) => this.#byConn.get(conn) ?? [])
        for (const side of sides) side.sent.push(data)
        const connection = (event.from && this.#byConn.get(event.from)?.n) ?? 0
        const receivers = sides.map(({ n }) => n)
        this.journal.add({ at, kind: 'broadcast', connection, path: event.pattern, data, raw, receivers })
        return undefined
      }
      case 'close': {
        const side = this.#byConn.get(event.conn)
        const close = closedWith(event.code, event.reason)
        this.journal.add({ at, kind: 'close', connection: side?.n ?? 0, path: event.conn.path, close })
        side?.ended(close)
        return undefined
      }
      case 'error': {
        const { conn, error, hook, pattern } = event
        const connection = (conn && this.#byConn.get(conn)?.n) ?? 0
        this.journal.add({ at, kind: 'error', connection, path: conn?.path ?? pattern, error })
        if (hook !== undefined)
          this.failures.push(new Error(`${pattern}: ${hook} failed: ${error.message}`, { cause: error }))
        return undefined
      }
      case 'fault': {
        const { conn, kind, direction, message, payload, pattern } = event
        const connection = this.#byConn.get(conn)?.n ?? 0
        const data = direction && this.#read(pattern, payload)
        const fault = { kind, direction, message }
        this.journal.add({
          at,
          kind: 'fault',
          connection,
          path: conn.path,
          fault,
          ...(direction && { data }),
        })
        return undefined
      }
      case 'pong':
        return this.#events.pong(event.conn, event.payload)
      case 'upstream':
      case 'ping':
      case 'join':
      case 'leave':
      default:
        return undefined
    }
  }

  #read(pattern: string, payload: string | Uint8Array): unknown {
    try {
      return this.#inside.decode(pattern, payload)
    } catch {
      return payload
    }
  }
}

function closedWith(code: number, reason: string): Closed {
  return { code, reason, wasClean: code !== CloseCode.AbnormalClosure }
}
