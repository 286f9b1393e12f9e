import pc from 'picocolors'
import type { JournalPage, JournalRow } from '../index.ts'
import { ControlClient } from './control-client.ts'
import { say } from './report.ts'

export interface TailFlags {
  readonly pattern?: string
  readonly text?: string
  readonly json?: boolean
  readonly token?: string
}

/** Milliseconds that one question waits for something to happen. */
const WAIT_MS = 25_000
const MAX_SHOWN = 200

/** `sidewire tail <url>`: until Ctrl-C, or the server is gone. */
export async function tail(url: string, flags: TailFlags): Promise<void> {
  const client = new ControlClient(url, flags.token)
  let { next } = await client.ask<JournalPage>('journal')
  console.error(say(`what happens on ${url} from now on; Ctrl-C ends it`))
  for (;;) {
    const page = await client.ask<JournalPage>(`journal?after=${next}&wait=${WAIT_MS}`)
    if (page.gone > 0) console.error(say(`${page.gone} rows are left out: more happened than is kept`))
    for (const row of page.rows) {
      if (!isWanted(row, flags)) continue
      console.log(flags.json ? JSON.stringify(row) : lineOf(row))
    }
    next = page.next
  }
}

function isWanted(row: JournalRow, { pattern, text }: TailFlags): boolean {
  if (pattern !== undefined && row.pattern !== pattern) return false
  return text === undefined || JSON.stringify(row).includes(text)
}

const ARROWS: Readonly<Record<string, string>> = {
  message: pc.green('->'),
  sent: pc.cyan('<-'),
  broadcast: pc.cyan('<='),
  upstream: pc.magenta('<>'),
}

export function lineOf(row: JournalRow): string {
  const time = pc.dim(new Date(row.at).toISOString().slice(11, 23))
  const who = row.connection && pc.dim(row.connection.slice(0, 8))
  return [time, ARROWS[row.type] ?? '--', row.pattern, who, wordsOf(row)].filter(Boolean).join(' ')
}

function wordsOf(row: JournalRow): string {
  switch (row.type) {
    case 'message':
    case 'sent':
      return payloadOf(row)
    case 'upstream':
      return `${payloadOf(row)} ${pc.dim(row.from === 'client' ? 'to the backend' : 'from the backend')}`
    case 'broadcast':
      return `${payloadOf(row)} ${pc.dim(`to ${row.receivers}${row.rooms ? ` in ${row.rooms.join(', ')}` : ''}`)}`
    case 'handled':
      return pc.dim(
        `taken by ${row.by ?? 'nothing'} in ${row.ms?.toFixed(1)} ms${row.nearest === undefined ? '' : `; nearest rule: ${row.nearest}`}`,
      )
    case 'refused':
      return pc.red(`refused ${row.path ?? ''} with ${row.status ?? row.code ?? 'no answer'}: ${row.reason}`)
    case 'close':
      return `closed by the ${row.from} with ${row.code}${row.reason ? ` ${JSON.stringify(row.reason)}` : ''}`
    case 'error':
      return pc.red(`${row.hook ? `${row.hook} failed: ` : ''}${row.error}`)
    case 'join':
    case 'leave':
      return `${row.type}s ${row.room}`
    case 'ping':
    case 'pong':
      return pc.dim(`${row.type} from the ${row.from}`)
    case 'fault':
      return pc.yellow(
        `fault: ${row.fault}${row.from ? ` of message ${row.message} from the ${row.from}: ${payloadOf(row)}` : ''}`,
      )
    case 'open':
    default:
      return `connected to ${row.path}`
  }
}

/** On one line, and not longer than one can read; what a client sent gives the terminal no orders. */
function payloadOf({ text, base64, bytes }: JournalRow): string {
  if (text === undefined) return `${bytes} bytes ${base64?.slice(0, MAX_SHOWN) ?? ''}`
  const shown = JSON.stringify(text)
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replaceAll(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '?')
  return shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN)}… (${bytes} bytes)` : shown
}
