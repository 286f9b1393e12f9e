import type { Entry } from './timeline.ts'

/** What a page is about to show. What is missing takes all. */
export interface Filter {
  readonly pattern?: string
  readonly conn?: number
  readonly room?: string
  readonly types?: readonly string[]
  readonly text?: string
}

/** @param numberOf - of a connection */
export function isWanted(
  entry: Entry,
  filter: Filter,
  numberOf: (conn: NonNullable<Entry['conn']>) => number,
): boolean {
  const { event } = entry
  if (!event) return true
  // It belongs to a message, and goes where that goes.
  if (entry.of) return isWanted(entry.of, filter, numberOf)
  const { pattern, conn, room, types, text } = filter
  if (pattern !== undefined && event.pattern !== pattern) return false
  if (types !== undefined && !types.includes(event.type)) return false
  if (conn !== undefined && !(entry.conn && numberOf(entry.conn) === conn) && !entry.audience?.includes(conn))
    return false
  if (room !== undefined && !isOfRoom(event, room)) return false
  return text === undefined || text === '' || hasText(entry, text.toLowerCase())
}

function isOfRoom(event: NonNullable<Entry['event']>, room: string): boolean {
  if (event.type === 'broadcast') return event.rooms?.includes(room) === true
  return (event.type === 'join' || event.type === 'leave') && event.room === room
}

function hasText({ event, conn }: Entry, text: string): boolean {
  const parts = [
    event && 'payload' in event && typeof event.payload === 'string' && event.payload,
    event && 'reason' in event && event.reason,
    event && 'url' in event && event.url,
    event && 'error' in event && event.error.message,
    event && 'room' in event && event.room,
    conn?.path,
  ]
  return parts.some((part) => typeof part === 'string' && part.toLowerCase().includes(text))
}
