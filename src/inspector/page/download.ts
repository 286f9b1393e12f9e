import {
  contentOf,
  FORMAT,
  toTime,
  type Content,
  type RecordedEvent,
  type RecordingEvent,
  type RecordingHead,
} from '../../recording/format.ts'
import { payload } from './api.ts'
import type { Line } from './lines.ts'
import { lines } from './store.ts'

/** A recording. A broadcast stands there once for each receiver, or for the connection `only`. */
function toRecording(shown: readonly Line[], only: number | undefined): string {
  const start = shown[0]?.at ?? Date.now()
  // Who was refused has no number; theirs come behind all others.
  let last = shown.reduce((most, { conn = 0, to = [] }) => Math.max(most, conn, ...to), 0)
  const events = shown.flatMap((line): RecordingEvent[] => {
    const t = toTime(line.at - start)
    if (line.type === 'refused') return [{ t, conn: ++last, ...refusalOf(line) }]
    const event = eventOf(line)
    return event ? receiversOf(line, only).map((conn) => ({ t, conn, ...event })) : []
  })
  const head: RecordingHead = {
    sidewire: FORMAT,
    at: new Date(start).toISOString(),
    url: location.origin.replace(/^http/, 'ws'),
    tool: 'sidewire inspector',
  }
  return [head, ...events].map((each) => `${JSON.stringify(each)}\n`).join('')
}

function receiversOf({ type, conn, to = [] }: Line, only: number | undefined): readonly number[] {
  if (type !== 'broadcast') return conn === undefined ? [] : [conn]
  return only === undefined ? to : to.filter((each) => each === only)
}

/** What the page shows, as a file. What it has only the beginning of is asked for. */
export async function download(shown: readonly Line[], only: number | undefined): Promise<void> {
  const whole = await Promise.all(shown.map(async (line) => (line.isCut ? completed(line) : line)))
  const url = URL.createObjectURL(new Blob([toRecording(whole, only)], { type: 'application/jsonl' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `sidewire-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}.jsonl`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 0)
}

async function completed(line: Line): Promise<Line> {
  const n = lines.serverN(line)
  const got = n === undefined ? undefined : await payload(n).catch(() => undefined)
  if (!got) return line
  const { isCut: _, ...rest } = line
  return { ...rest, ...got }
}

function eventOf(line: Line): RecordedEvent | undefined {
  const { type, path = '/', code = 1006, reason = '' } = line
  if (type === 'open') return { type, path }
  if (type === 'message') return { from: 'client', ...payloadOf(line) }
  if (type === 'sent' || type === 'broadcast') return { from: 'server', ...payloadOf(line) }
  if (type === 'close')
    return { type, from: code === 1006 ? 'network' : (line.from ?? 'server'), code, reason }
  return undefined
}

function refusalOf({ path = '/', status, text }: Line): RecordedEvent {
  return { type: 'refused', path, ...(typeof status === 'number' && { status }), body: text ?? '' }
}

function payloadOf({ text, base64 = '', isCut }: Line): Content & { isCut?: boolean } {
  return { ...(text === undefined ? { base64 } : contentOf(text)), ...(isCut && { isCut }) }
}
