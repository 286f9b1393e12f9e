import { rowOf, whole, type JournalRow } from '../control/row.ts'
import { beginningOf } from './beginning.ts'
import { cureOf } from './cures.ts'
import type { Marks } from './marks.ts'
import type { Redaction } from './redaction.ts'
import type { Left } from './lookout.ts'
import type { Entry } from './timeline.ts'

/** One line of the timeline. What is unknown is left out. */
export interface Row extends Omit<JournalRow, 'type' | 'connection'> {
  /** `left`: what came too fast to be looked at. */
  readonly type: JournalRow['type'] | 'left'
  /** The connection's number, as the page calls it. */
  readonly conn?: number
  /** `text` or `base64` is only the beginning of the payload. */
  readonly isCut?: true
  /** Who a broadcast reached, where they are not too many to say. */
  readonly to?: readonly number[]
  /** What to do about a refusal. */
  readonly cure?: string
  /** This page, or another, has done it. */
  readonly byInspector?: true
  readonly left?: Left
  /** Of a frame: what faults have done to it, and for which connections. */
  readonly faults?: Marks
}

/** Receivers that a line names. */
const MAX_NAMED = 1000

/** @param numberOf - of a connection */
export function toRow(
  entry: Entry,
  numberOf: (conn: NonNullable<Entry['conn']>) => number,
  redaction: Redaction,
): Row {
  const { n, at, event, conn, audience, of, marks, left } = entry
  const start = { n, at, ...(entry.byInspector && { byInspector: true as const }) }
  if (!event) return { ...start, type: 'left', ...(left && { left }) }
  let isCut = entry.isStripped === true
  const { connection: _, ...row } = rowOf(event, at, (payload) => {
    const redacted = redaction.payload(payload)
    const beginning = beginningOf(redacted)
    isCut ||= beginning !== redacted
    return whole(beginning)
  })
  return {
    ...row,
    ...start,
    ...(row.path !== undefined && { path: redaction.url(row.path) }),
    ...(conn && { conn: numberOf(conn) }),
    ...(isCut && { isCut }),
    ...(audience !== undefined && audience.length <= MAX_NAMED && { to: [...audience] }),
    ...(marks && { faults: marks }),
    ...(event.type === 'handled' && of && { message: of.n }),
    ...(event.type === 'refused' && { cure: cureOf(event.reason) }),
  }
}
