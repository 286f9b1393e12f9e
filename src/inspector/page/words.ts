import { closeCode, whole } from './format.ts'
import type { Line } from './lines.ts'

const PREVIEW_LETTERS = 300
/** Connections that a line names. */
const MAX_NAMED = 3

const WORDS: Readonly<Record<Line['type'], string>> = {
  message: 'received',
  sent: 'sent',
  broadcast: 'broadcast',
  upstream: 'from the backend',
  handled: 'handled',
  ping: 'ping',
  pong: 'pong',
  open: 'opened',
  close: 'closed',
  refused: 'refused',
  join: 'joined',
  leave: 'left',
  error: 'error',
  left: 'left out',
  fault: 'fault',
  restart: 'restarted',
}

const FAULTS: Readonly<Record<NonNullable<Line['fault']>, string>> = {
  delay: 'held back',
  drop: 'lost',
  duplicate: 'doubled',
  reorder: 'overtaken',
  corrupt: 'damaged',
  disconnect: 'disconnected',
  halfOpen: 'half open',
}

const COUNTED: Readonly<Record<keyof NonNullable<Line['left']>, string>> = {
  messagesIn: 'messages in',
  messagesOut: 'messages out',
  opened: 'connections opened',
  closed: 'closed',
  refused: 'refused',
  handlerErrors: 'errors of hooks',
}

/** What faults have done to a frame: in words, for no colour tells it. Nothing: nothing. */
export function markOf({ type, faults = {} }: Line): string {
  return Object.entries(faults)
    .map(([kind, conns]) => {
      const word = FAULTS[kind as keyof typeof faults]
      return type === 'broadcast' ? `${word} for ${whomOf(conns)}` : word
    })
    .join(', ')
}

function whomOf(conns: readonly number[]): string {
  return conns.length <= MAX_NAMED ? conns.map((conn) => `#${conn}`).join(', ') : whole(conns.length)
}

/** Which way, and what: never told by a colour alone. */
export function wordOf({ type, receivers = 0, from, fault }: Line): string {
  if (fault) return `fault: ${FAULTS[fault]}`
  if (type === 'upstream' && from === 'client') return 'to the backend'
  return type === 'broadcast' ? `broadcast to ${whole(receivers)}` : WORDS[type]
}

/** The rest of it, on one line. */
export function sentenceOf(line: Line): string {
  const { type, code, reason = '', path = '', status, from = 'server' } = line
  if (type === 'open') return path
  // Who has cut a connection, or whether it was the network, nobody can tell.
  if (type === 'close')
    return code === 1006 ? closeCode(code) : `${closeCode(code ?? 0)} by the ${from} ${reason}`
  if (type === 'refused') {
    const answer = status ?? (code === undefined ? 'without an answer' : closeCode(code))
    const page = line.origin === undefined ? '' : ` for a page of ${line.origin}`
    return `${path} ${answer}${page}: ${line.text ?? reason}. ${line.cure ?? ''}`
  }
  if (type === 'join' || type === 'leave') return line.room ?? ''
  if (type === 'error') return `${line.hook ?? ''} ${line.error?.split('\n')[0] ?? ''}`
  if (type === 'restart') return 'The server was started anew.'
  if (type === 'left') return gapOf(line)
  return messageOf(line)
}

function messageOf({ rooms, text, base64, status }: Line): string {
  const where = rooms ? `[${rooms.join(', ')}] ` : ''
  const preview = text?.slice(0, PREVIEW_LETTERS) ?? (base64 === undefined ? '' : 'binary')
  const fate = typeof status === 'string' && status !== 'sent' ? ` (${status})` : ''
  return where + preview + fate
}

function gapOf({ left, skipped = 0 }: Line): string {
  if (!left) return skipped === 1 ? 'A line left out' : `${whole(skipped)} lines left out`
  const counts = Object.entries(left).map(
    ([name, count]) => `${whole(count)} ${COUNTED[name as keyof typeof left]}`,
  )
  return `Too fast to be looked at: ${counts.join(', ')}`
}
