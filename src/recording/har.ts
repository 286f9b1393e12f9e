import { describe } from '../engine/errors.ts'
import { headOf, isBase64, Mistake } from './event.ts'
import {
  contentOf,
  FORMAT,
  toTime,
  type RecordedEvent,
  type RecordingEvent,
  type RecordingHead,
} from './format.ts'
import { fieldsOf, headersIn, messagesOf, textIn, type Fields, type HarMessage } from './har-fields.ts'
import { timesOf, type HarCreator } from './har-time.ts'
import type { Recording } from './recording.ts'
import { recordingError } from './recording-error.ts'

export interface HarSource {
  /** As it is named to people. */
  readonly name: string
  readonly text: string
  /** A file that an entry names, of Playwright's `content: 'attach'`. @throws `ERR_RECORDING` */
  attached(file: string): string
}

/** One connection, with its times since the epoch, or `undefined` where only the order is known. */
interface Socket {
  readonly url: string
  readonly start: number
  readonly events: readonly { readonly at: number; readonly event: RecordedEvent }[]
}

/**
 * Reads what browsers and proxies export, in all their dialects.
 * @param isWanted - which URLs; what is attached of others is not read
 * @throws `ERR_RECORDING` with the entry, and the index of the message
 */
export function readHar(source: HarSource, isWanted: (url: string) => boolean): Recording {
  const { name } = source
  const log = logOf(source)
  const { creator, entries } = log
  const wanted = [...entries.entries()].filter(([, entry]) => isWebSocket(entry))
  if (/^(?:Firefox|WebKit Web Inspector)$/i.test(creator.name))
    throw recordingError(
      `${name} is of ${creator.name === 'Firefox' ? 'Firefox' : 'Safari'}, which puts no WebSocket messages into a HAR; ` +
        'take Chrome or Edge, or `sidewire record`',
    )
  if (wanted.length === 0)
    throw recordingError(
      `${name} has no WebSocket among its ${entries.length} entries; one that was open before the developer tools were is ` +
        'missing: open them first, and load the page again',
    )
  const warnings: string[] = []
  const sockets: Socket[] = []
  let empty = 0
  for (const [index, entry] of wanted) {
    const request = fieldsOf(entry['request'])
    const url = textIn(request, 'url')
    if (url === undefined) throw recordingError(`${name}, entry ${index} has no request.url`)
    if (!isWanted(url)) continue
    try {
      const rows = rowsOf(entry, source)
      const messages = messagesOf(rows, isBase64)
      if (creator.name === 'WebInspector')
        empty += messages.filter(
          ({ isBinary, type, data }) => isBinary && type === 'send' && data === '',
        ).length
      sockets.push(socketOf(url, entry, messages, creator))
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      throw recordingError(`${name}, entry ${index} (${shown(url)}): ${error.message}`)
    }
  }
  if (empty > 0)
    warnings.push(
      `${name}: ${empty} messages of the client are empty, because the browser exports a Blob so; fill them in`,
    )
  return { ...recordingOf(log.head, sockets), warnings }
}

interface HarLog {
  readonly creator: HarCreator
  readonly entries: readonly Fields[]
  /** Of the recording that it was made from. */
  readonly head: RecordingHead | undefined
}

function logOf({ name, text }: HarSource): HarLog {
  if (text.trim() === '') throw recordingError(`${name} is empty`)
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    const what = text.trimEnd().endsWith('}') ? 'is no JSON' : 'is cut off, or no JSON'
    throw recordingError(`${name} ${what}: ${(cause as Error).message}`, cause)
  }
  const log = fieldsOf(fieldsOf(value)['log'])
  const { entries } = log
  if (!Array.isArray(entries)) throw recordingError(`${name} is no HAR: it has no list log.entries`)
  const creator = fieldsOf(log['creator'])
  const recording = fieldsOf(log['_recording'])
  return {
    creator: {
      name: textIn(creator, 'name') ?? '',
      version: textIn(creator, 'version') ?? '',
      browser: textIn(fieldsOf(log['browser']), 'name')?.toLowerCase() ?? '',
    },
    entries: entries.map(fieldsOf),
    head: recording['sidewire'] === FORMAT ? headOf(recording) : undefined,
  }
}

function isWebSocket(entry: Fields): boolean {
  return (
    entry['_resourceType'] === 'websocket' ||
    Array.isArray(entry['_webSocketMessages']) ||
    fieldsOf(entry['response'])['status'] === 101 ||
    /^wss?:/i.test(textIn(fieldsOf(entry['request']), 'url') ?? '')
  )
}

function rowsOf(entry: Fields, source: HarSource): readonly unknown[] {
  const rows = entry['_webSocketMessages']
  if (Array.isArray(rows)) return rows
  const file = textIn(fieldsOf(fieldsOf(entry['response'])['content']), '_file')
  if (!file?.endsWith('.jsonl')) return []
  return source
    .attached(file)
    .split('\n')
    .flatMap((line, index) => {
      if (line.trim() === '') return []
      try {
        return [JSON.parse(line) as unknown]
      } catch (cause) {
        throw new Mistake(`${file}, line ${index + 1} is no JSON: ${(cause as Error).message}`)
      }
    })
}

function socketOf(url: string, entry: Fields, messages: readonly HarMessage[], creator: HarCreator): Socket {
  const times = timesOf(messages, creator)
  const started = Date.parse(textIn(entry, 'startedDateTime') ?? '')
  const earliest = Math.min(...(times ?? []))
  // With no time at all it is all at once.
  const start = started <= earliest ? started : Number.isFinite(earliest) ? earliest : started || 0
  const refused = messages.length === 0 ? refusalOf(url, entry) : undefined
  if (refused) return { url, start, events: [{ at: start, event: refused }] }
  const said = messages
    .map(({ type, isBinary, data }, index): Socket['events'][number] => ({
      at: times?.[index] ?? start,
      event: {
        from: type === 'send' ? 'client' : 'server',
        ...(isBinary ? { base64: data } : contentOf(data)),
      },
    }))
    // By time, never by type: what is at the same time stays in its order.
    .toSorted((one, other) => one.at - other.at)
  return {
    url,
    start,
    events: [
      { at: start, event: openOf(url, entry) },
      ...said,
      ...closeOf(entry, start, said.at(-1)?.at ?? start),
    ],
  }
}

function openOf(url: string, entry: Fields): RecordedEvent {
  const { 'sec-websocket-protocol': offer, ...headers } = headersIn(fieldsOf(entry['request']))
  const { 'sec-websocket-protocol': protocol } = headersIn(fieldsOf(entry['response']))
  return {
    type: 'open',
    path: pathOf(url),
    ...(offer !== undefined && { offered: offer.split(',').map((each) => each.trim()) }),
    ...(protocol !== undefined && { protocol }),
    ...(Object.keys(headers).length > 0 && { headers }),
  }
}

/** A handshake that got another answer than 101, or none. */
function refusalOf(url: string, entry: Fields): RecordedEvent | undefined {
  const response = fieldsOf(entry['response'])
  const { status } = response
  const path = pathOf(url)
  if (typeof status === 'number' && status >= 200 && status <= 599) {
    const content = fieldsOf(response['content'])
    const { text } = content
    const body = content['encoding'] === 'base64' ? Buffer.from(String(text), 'base64').toString() : text
    return { type: 'refused', path, status, ...(typeof body === 'string' && { body }) }
  }
  const hasFailed = textIn(response, '_failureText') ?? textIn(response, '_error') ?? textIn(entry, '_error')
  return hasFailed === undefined ? undefined : { type: 'refused', path }
}

/** As HTTP Toolkit has it; who closed is what we write besides. Others say nothing of the end. */
function closeOf(entry: Fields, start: number, last: number): Socket['events'] {
  const { _webSocketClose: close, time } = entry
  // It has no time of its own; the entry lasts as long as the connection.
  const end = typeof time === 'number' && time > 0 ? Math.max(last, start + time) : last
  if (close === 'aborted') return [{ at: end, event: { type: 'close', from: 'network', code: 1006 } }]
  const { code, reason, timestamp, from } = fieldsOf(close)
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 1000 || code > 4999) return []
  const at = typeof timestamp === 'number' && timestamp > 1e9 ? Math.max(last, timestamp * 1000) : last
  const side = from === 'client' || from === 'network' ? from : 'server'
  return [
    {
      at,
      event: {
        type: 'close',
        from: code === 1006 ? 'network' : side,
        code,
        ...(typeof reason === 'string' && { reason }),
      },
    },
  ]
}

/** All of them on one line of time. */
function recordingOf(
  head: RecordingHead | undefined,
  sockets: readonly Socket[],
): Omit<Recording, 'warnings'> {
  const inOrder = sockets.toSorted((one, other) => one.start - other.start)
  const zero = head ? Math.min(Date.parse(head.at), inOrder[0]?.start ?? 0) : (inOrder[0]?.start ?? 0)
  const origins = new Set(inOrder.map(({ url }) => originOf(url)))
  const [origin] = origins
  const events = inOrder
    .flatMap(({ events: each }, index) => each.map(({ at, event }) => ({ at, conn: index + 1, event })))
    .toSorted((one, other) => one.at - other.at)
    .map(({ at, conn, event }): RecordingEvent => ({ t: toTime(at - zero), conn, ...event }))
  return {
    head: {
      sidewire: FORMAT,
      at: new Date(zero).toISOString(),
      ...(origins.size === 1 && origin !== undefined && { url: origin }),
      ...(head && { url: head.url ?? origin ?? '', tool: head.tool ?? 'sidewire' }),
      ...(head?.redacted !== undefined && { redacted: head.redacted }),
    },
    events,
    urls: new Map(inOrder.map(({ url }, index) => [index + 1, url])),
  }
}

const PARTS = /^([a-z]+):\/\/([^/?#]*)([^#]*)/i

/** mitmproxy has `https:` for `wss:`. */
function originOf(url: string): string {
  const [, scheme = 'ws', host = ''] = PARTS.exec(url) ?? []
  return `${scheme.toLowerCase().replace(/^http/, 'ws')}://${host}`
}

function pathOf(url: string): string {
  const [, , , rest = ''] = PARTS.exec(url) ?? []
  if (PARTS.test(url)) return rest.startsWith('/') ? rest : `/${rest}`
  throw new Mistake(`has the URL ${describe(url)}, which is none`)
}

/** Without the query, which may have secrets in it. */
function shown(url: string): string {
  return url.replace(/[?#].*/, '').replace(/\/\/[^/@]*@/, '//')
}
