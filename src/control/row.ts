import type { FaultInfo } from '../engine/handler/faults.ts'
import type { Payload } from '../engine/runtime.ts'
import type { TapEvent } from '../engine/tap.ts'

/** One thing that happened, as JSON. What is unknown is left out. */
export interface JournalRow {
  /** From 1. A gap is what workers had no time to tell. */
  readonly n: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly type: TapEvent['type']
  /** The handler's. */
  readonly pattern?: string
  /** The connection's id. */
  readonly connection?: string
  readonly path?: string
  /** A payload of text, as on the wire. */
  readonly text?: string
  /** One of bytes. */
  readonly base64?: string
  readonly bytes?: number
  readonly rooms?: readonly string[]
  readonly room?: string
  readonly receivers?: number
  readonly status?: number | string
  readonly code?: number
  readonly reason?: string
  readonly by?: string
  /** Of `handled`, where no rule of a scenario took it: which was nearest, and where it differs. */
  readonly nearest?: string
  readonly ms?: number
  /** Of `handled`: the `n` of the message. Of `fault`: its number in its direction, from 1. */
  readonly message?: number
  readonly hook?: string
  readonly error?: string
  /** Of `refused`: the page that asked. */
  readonly origin?: string
  readonly from?: 'client' | 'server'
  /** What a fault has done. */
  readonly fault?: FaultInfo['kind']
}

/** A payload in a row. */
export type Shown = Pick<JournalRow, 'text' | 'base64'>

/** @param show - how much of a payload */
export function rowOf(event: TapEvent, at: number, show: (payload: Payload) => Shown = whole): JournalRow {
  const { n } = event
  const start = { n, at, type: event.type, ...(event.pattern !== undefined && { pattern: event.pattern }) }
  if (event.type === 'refused') {
    const { url, reason, origin, answer, close } = event
    return {
      ...start,
      reason,
      ...(url !== undefined && { path: url }),
      ...(answer && { status: answer.status, text: answer.body }),
      ...(origin !== undefined && { origin }),
      ...(close && { code: close.code, text: close.reason }),
    }
  }
  if (event.type === 'broadcast') {
    const { from, rooms, payload, bytes, receivers } = event
    return {
      ...start,
      ...(from && { connection: from.id }),
      ...(rooms && { rooms }),
      ...show(payload),
      bytes,
      receivers,
    }
  }
  const of = event.conn ? { connection: event.conn.id, path: event.conn.path } : {}
  switch (event.type) {
    case 'upstream':
      return { ...start, ...of, from: event.from, ...show(event.payload), bytes: event.bytes }
    case 'message':
      return { ...start, ...of, ...show(event.payload), bytes: event.bytes }
    case 'sent':
      return { ...start, ...of, ...show(event.payload), bytes: event.bytes, status: event.status }
    case 'handled': {
      const { message, by, nearest, ms } = event
      return {
        ...start,
        ...of,
        message,
        ...(by !== undefined && { by }),
        ...(nearest !== undefined && { nearest }),
        ms,
      }
    }
    case 'ping':
    case 'pong':
      return { ...start, ...of, from: event.from, ...show(event.payload) }
    case 'fault': {
      const { kind: fault, direction, message, payload } = event
      return {
        ...start,
        ...of,
        fault,
        ...(direction && { from: direction === 'in' ? 'client' : 'server', message }),
        ...(direction && show(payload)),
      }
    }
    case 'join':
    case 'leave':
      return { ...start, ...of, room: event.room }
    case 'close':
      return {
        ...start,
        ...of,
        code: event.code,
        reason: event.reason,
        from: event.initiatedByClient ? 'client' : 'server',
      }
    case 'error':
      return {
        ...start,
        ...of,
        ...(event.hook !== undefined && { hook: event.hook }),
        error: storyOf(event.error),
      }
    case 'open':
    default:
      return { ...start, ...of }
  }
}

export function whole(payload: Payload): Shown {
  return typeof payload === 'string'
    ? { text: payload }
    : { base64: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64') }
}

/** With what has caused it. */
export function storyOf(error: Error): string {
  const { stack, message, cause } = error
  const own = stack ?? message
  return cause instanceof Error ? `${own}\ncaused by ${storyOf(cause)}` : own
}
