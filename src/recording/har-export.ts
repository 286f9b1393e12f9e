import type { Entry, Har, Header, QueryString } from 'har-format'
import { conversationsOf, type Conversation } from './conversation.ts'
import { textOf, type CloseEvent, type MessageEvent, type RecordingHead } from './format.ts'
import type { Recording } from './recording.ts'

/** As Chrome has it: seconds since the epoch, and base64 where the opcode is 2. */
interface HarMessage {
  readonly type: 'send' | 'receive'
  readonly time: number
  readonly opcode: number
  readonly data: string
}

/** As HTTP Toolkit has it, and who closed. */
interface HarClose {
  readonly code: number
  readonly reason: string
  readonly timestamp: number
  readonly from: CloseEvent['from']
}

type WebSocketEntry = Entry & {
  _webSocketMessages?: HarMessage[]
  _webSocketClose?: HarClose | 'aborted'
  _error?: string
}

/** What Chrome, and what reads Chrome's HARs, can show. */
export function toHar(recording: Recording, version: string): Har & { log: { _recording: RecordingHead } } {
  const { head } = recording
  return {
    log: {
      version: '1.2',
      creator: { name: 'sidewire', version },
      pages: [],
      entries: conversationsOf(recording).map((each) => entryOf(each, recording)),
      // What a HAR has no place for.
      _recording: head,
    },
  }
}

function entryOf(conversation: Conversation, { head, urls }: Recording): WebSocketEntry {
  const { number, path = '/', open, refused, steps } = conversation
  const zero = Date.parse(head.at)
  const start = conversation.t
  const end = steps.at(-1)?.t ?? start
  const url = urls?.get(number) ?? (head.url ?? 'ws://localhost') + path
  const status = refused ? (refused.status ?? 0) : 101
  const close = steps.find((step) => step.type === 'close')
  return {
    startedDateTime: new Date(zero + start).toISOString(),
    time: end - start,
    request: {
      method: 'GET',
      url,
      httpVersion: 'HTTP/1.1',
      headers: headersOf({
        ...open?.headers,
        ...(open?.offered && { 'sec-websocket-protocol': open.offered.join(', ') }),
      }),
      queryString: queryOf(url),
      cookies: [],
      headersSize: -1,
      bodySize: 0,
    },
    response: {
      status,
      statusText: status === 101 ? 'Switching Protocols' : '',
      httpVersion: 'HTTP/1.1',
      headers: headersOf(open?.protocol === undefined ? {} : { 'sec-websocket-protocol': open.protocol }),
      cookies: [],
      content: {
        size: Buffer.byteLength(refused?.body ?? ''),
        mimeType: refused?.body === undefined ? 'x-unknown' : 'text/plain',
        ...(refused?.body !== undefined && { text: refused.body }),
      },
      redirectURL: '',
      headersSize: -1,
      bodySize: -1,
    },
    cache: {},
    timings: { send: 0, wait: 0, receive: end - start },
    _resourceType: 'websocket',
    ...(refused && status === 0 && { _error: 'net::ERR_CONNECTION_FAILED' }),
    ...(!refused && {
      _webSocketMessages: steps.flatMap((step) =>
        step.type === undefined ? [messageOf(step, zero + step.t)] : [],
      ),
    }),
    ...(close?.type === 'close' && { _webSocketClose: closeOf(close, zero + close.t) }),
  }
}

function messageOf(message: MessageEvent, at: number): HarMessage {
  const text = textOf(message)
  return {
    type: message.from === 'client' ? 'send' : 'receive',
    time: at / 1000,
    opcode: text === undefined ? 2 : 1,
    data: text ?? ('base64' in message ? message.base64 : ''),
  }
}

function closeOf({ code, reason = '', from }: CloseEvent, at: number): HarClose | 'aborted' {
  return code === 1006 ? 'aborted' : { code, reason, timestamp: at / 1000, from }
}

function headersOf(headers: Readonly<Record<string, string>>): Header[] {
  return Object.entries(headers).map(([name, value]) => ({ name, value }))
}

function queryOf(url: string): QueryString[] {
  const [, query = ''] = /\?([^#]*)/.exec(url) ?? []
  return query === '' ? [] : [...new URLSearchParams(query)].map(([name, value]) => ({ name, value }))
}
