import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { FaultInfo } from '../engine/handler/faults.ts'
import type { Payload } from '../engine/runtime.ts'
import type { TapEvent } from '../engine/tap.ts'
import { queueMicrotask } from '../engine/timers.ts'

/** What faults have done to a frame, and for which connections, by their numbers. */
export type Marks = Readonly<Partial<Record<FaultInfo['kind'], readonly number[]>>>

interface Fault {
  readonly conn: WebSocketConnection
  readonly pattern: string
  readonly kind: FaultInfo['kind']
  readonly message: number
  readonly payload: Payload
}

interface Arriving {
  readonly kinds: FaultInfo['kind'][]
  /** How often it is going to arrive. */
  times: number
}

/**
 * Which frame a fault belongs to. To a client: a frame is told in the turn in which its faults are, right behind them, and
 * with the same payload. From a client: a frame is told when it arrives, with its number; one that is lost never is, and has
 * the line of its fault alone.
 */
export class FaultMarks {
  readonly #numberOf: (conn: WebSocketConnection) => number
  #leaving: Fault[] = []
  #arriving = new WeakMap<WebSocketConnection, Map<number, Arriving>>()

  /** @param numberOf - of a connection */
  constructor(numberOf: (conn: WebSocketConnection) => number) {
    this.#numberOf = numberOf
  }

  /** What faults have done to what is told; `undefined`: nothing, or it is no frame. */
  see(event: TapEvent): Marks | undefined {
    if (event.type === 'fault') {
      if (event.direction === 'out') this.#leave(event)
      if (event.direction === 'in' && event.kind !== 'drop') this.#arrive(event)
    }
    if (event.type === 'sent' || event.type === 'broadcast')
      return this.#leaving.length === 0 ? undefined : this.#left(event)
    if (event.type === 'message' && event.nth !== undefined) return this.#arrived(event.conn, event.nth)
    return undefined
  }

  /** Frames are not told for a while: what belongs to them is never asked for. */
  forget(): void {
    this.#leaving = []
    this.#arriving = new WeakMap()
  }

  #leave({ conn, pattern, kind, message, payload }: Fault): void {
    // A frame that no connection was open for, at its end, is not told at all.
    if (this.#leaving.length === 0) queueMicrotask(() => (this.#leaving = []))
    this.#leaving.push({ conn, pattern, kind, message, payload })
  }

  #left(event: Extract<TapEvent, { type: 'sent' | 'broadcast' }>): Marks | undefined {
    const isMeant = ({ conn, pattern, payload }: Fault): boolean =>
      payload === event.payload && (event.type === 'sent' ? conn === event.conn : pattern === event.pattern)
    // A frame that `onFault` sends comes between the fault and its own frame, and has the higher number.
    const latest = new Map<WebSocketConnection, number>()
    for (const fault of this.#leaving)
      if (isMeant(fault)) latest.set(fault.conn, Math.max(fault.message, latest.get(fault.conn) ?? 0))
    const isIts = (fault: Fault): boolean => isMeant(fault) && latest.get(fault.conn) === fault.message
    const its = this.#leaving.filter(isIts)
    this.#leaving = this.#leaving.filter((fault) => !isIts(fault))
    return marksOf(its.map(({ kind, conn }) => [kind, this.#numberOf(conn)]))
  }

  #arrive({ conn, kind, message }: Omit<Fault, 'payload' | 'pattern'>): void {
    let ofConn = this.#arriving.get(conn)
    if (!ofConn) this.#arriving.set(conn, (ofConn = new Map()))
    let arriving = ofConn.get(message)
    if (!arriving) ofConn.set(message, (arriving = { kinds: [], times: 1 }))
    arriving.kinds.push(kind)
    if (kind === 'duplicate') arriving.times = 2
  }

  #arrived(conn: WebSocketConnection, nth: number): Marks | undefined {
    const ofConn = this.#arriving.get(conn)
    const arriving = ofConn?.get(nth)
    if (!ofConn || !arriving) return undefined
    if (--arriving.times === 0) ofConn.delete(nth)
    return marksOf(arriving.kinds.map((kind) => [kind, this.#numberOf(conn)]))
  }
}

function marksOf(faults: readonly (readonly [FaultInfo['kind'], number])[]): Marks | undefined {
  if (faults.length === 0) return undefined
  const marks: Partial<Record<FaultInfo['kind'], number[]>> = {}
  for (const [kind, conn] of faults) (marks[kind] ??= []).push(conn)
  return marks
}
