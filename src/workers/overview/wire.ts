import { storyOf, whole } from '../../control/row.ts'
import type { WebSocketConnection } from '../../engine/connection/websocket-connection.ts'
import type { HttpAnswer, Payload, RawRequest } from '../../engine/runtime.ts'
import type { TapEvent } from '../../engine/tap.ts'
import { beginningOf } from '../../inspector/beginning.ts'
import type { Sighting } from '../../inspector/lookout.ts'
import type { Marks } from '../../inspector/marks.ts'
import type { Redaction } from '../../inspector/redaction.ts'

// What goes over a channel that carries JSON alone.

type Shown = { readonly text?: string; readonly base64?: string }

/** A connection of a worker. */
export type Named = readonly [number: number, id: string, path: string, pattern: string]

export interface WireSighting {
  /** What is plain of it. */
  readonly event: Readonly<Record<string, unknown>>
  readonly conn?: Named
  readonly payload?: Shown
  /** Of one that is too long to be sent. */
  readonly isStripped?: true
  readonly error?: { readonly message: string; readonly story: string }
  readonly audience?: readonly number[]
  readonly marks?: Marks
  readonly byInspector: boolean
}

/** The stand-in of a connection, in another process. */
interface StandIn {
  readonly number: number
  readonly id: string
  readonly path: string
}

/** No longer payload is sent whole. */
const MAX_PAYLOAD = 1024 * 1024

/** @param number - of a connection */
/** @param number - of a connection */
export function wireOf(
  { event, conn, audience, marks, byInspector }: Sighting,
  number: (conn: WebSocketConnection) => number,
  redaction: Redaction,
): WireSighting {
  const { payload, error, from, ...rest } = event as TapEvent & {
    payload?: Payload
    error?: Error
    from?: unknown
  }
  const { conn: _, audience: __, ...plain } = rest as Record<string, unknown>
  const isLong = payload !== undefined && payload.length > MAX_PAYLOAD
  return {
    event: typeof from === 'string' ? { ...plain, from } : plain,
    ...(conn && { conn: [number(conn), conn.id, conn.path, event.pattern ?? ''] }),
    ...(payload !== undefined && {
      payload: whole(isLong ? beginningOf(redaction.payload(payload)) : payload),
    }),
    ...(isLong && { isStripped: true }),
    ...(error && { error: { message: error.message, story: storyOf(error) } }),
    ...(audience && { audience: [...audience] }),
    ...(marks && { marks }),
    byInspector,
  }
}

/** @param n - in the place of the one that it had in its worker; @param of - of `handled`: that of its message */
export function sightingOf(
  wire: WireSighting,
  n: number,
  of: number | undefined,
): Sighting & { readonly isStripped?: true } {
  const { event, conn: named, payload, error, audience, marks, byInspector, isStripped } = wire
  const conn = named && standIn(named)
  const revived = {
    ...event,
    n,
    ...(of !== undefined && { message: of }),
    ...(event['type'] === 'broadcast' ? { from: conn, audience: () => [] } : { conn }),
    ...(payload && { payload: payloadOf(payload) }),
    ...(error && { error: Object.assign(new Error(error.message), { stack: error.story }) }),
  }
  return {
    event: revived as unknown as TapEvent,
    conn,
    audience: audience && Uint32Array.from(audience),
    marks,
    byInspector,
    ...(isStripped && { isStripped }),
  }
}

/** @returns what is seen when a worker dies */
export function cutOf(named: Named, n: number, at: number): Sighting {
  const conn = standIn(named)
  const end = { code: 1006, reason: '', initiatedByClient: false }
  return {
    event: { type: 'close', conn, pattern: named[3], ...end, n, at },
    conn,
    audience: undefined,
    marks: undefined,
    byInspector: false,
  }
}

/** Of one that came over the wire. */
export function numberOf(conn: WebSocketConnection): number {
  return (conn as unknown as StandIn).number
}

/** The inspector and the journal ask no more of a connection. */
function standIn([number, id, path]: Named): WebSocketConnection {
  return { number, id, path } satisfies StandIn as unknown as WebSocketConnection
}

export type WireAnswer = Omit<HttpAnswer, 'body'> & Shown

export function wireAnswerOf({ status, headers, body }: HttpAnswer): WireAnswer {
  return { status, headers, ...whole(body) }
}

export function answerOf({ status, headers, ...body }: WireAnswer): HttpAnswer {
  return { status, headers, body: payloadOf(body) }
}

export type WireRequest = Omit<RawRequest, 'onGone' | 'isHostKnown'>

/** What a function could tell stays where it is. */
export function wireRequestOf(raw: RawRequest): WireRequest {
  const { method, url, httpVersion, rawHeaders, remoteAddress, remotePort, encrypted } = raw
  return { method, url, httpVersion, rawHeaders, remoteAddress, remotePort, encrypted }
}

function payloadOf({ text, base64 }: Shown): Payload {
  return text ?? Buffer.from(base64 ?? '', 'base64')
}
