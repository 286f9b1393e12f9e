import { zipOf } from '../../src/recording/zip.ts'

// The same conversation, as each exporter writes it: by its source, for none of them runs here but Playwright.

/** 2026-11-25T20:00:00Z */
export const START = 1_795_636_800_000

const SAID = [
  { type: 'send', after: 100, opcode: 1, data: '{"id":1,"op":"subscribe"}' },
  { type: 'receive', after: 150, opcode: 1, data: '{"id":1,"ok":true}' },
  { type: 'receive', after: 250, opcode: 2, data: 'AAH/' },
] as const

const inSeconds = SAID.map(({ after, ...rest }) => ({ ...rest, time: (START + after) / 1000 }))
const inMs = SAID.map(({ after, ...rest }) => ({ ...rest, time: START + after }))

const har = (creator: object, entries: readonly object[], more: object = {}): string =>
  JSON.stringify({ log: { version: '1.2', creator, pages: [], entries, ...more } })

const entry = (url: string, more: object = {}, request: object = {}): object => ({
  startedDateTime: new Date(START).toISOString(),
  time: 0,
  request: {
    method: 'GET',
    url,
    httpVersion: 'HTTP/1.1',
    headers: [],
    queryString: [],
    cookies: [],
    ...request,
  },
  response: { status: 101, statusText: 'Switching Protocols', headers: [], cookies: [], content: {} },
  cache: {},
  timings: {},
  ...more,
})

const URL_OF = 'wss://api.example.com/ws/orders?room=1'
const PLAYWRIGHT = { name: 'Playwright', version: '1.61.1' }
const isWebSocket = { _resourceType: 'websocket' }

export const CHROME: string = har({ name: 'WebInspector', version: '537.36' }, [
  entry('https://api.example.com/index.html', { response: { status: 200, headers: [], content: {} } }),
  entry(
    URL_OF,
    {
      ...isWebSocket,
      _webSocketMessages: [
        ...inSeconds,
        { type: 'error', time: (START + 260) / 1000, opcode: -1, data: 'WebSocket is closed' },
      ],
    },
    { method: '', httpVersion: '' },
  ),
])

/** A Blob that the page has sent is nothing in there. */
export const CHROME_WITH_BLOB: string = CHROME.replace(
  '{"type":"error"',
  `{"type":"send","opcode":2,"data":"","time":${(START + 255) / 1000}},{"type":"error"`,
)

export const PLAYWRIGHT_EMBEDDED: string = har(PLAYWRIGHT, [
  entry(URL_OF, { ...isWebSocket, _webSocketMessages: inMs }),
])

export const PLAYWRIGHT_MINIMAL: string = har(PLAYWRIGHT, [
  entry(URL_OF, {
    ...isWebSocket,
    _webSocketMessages: SAID.map((each) => ({ ...each, after: undefined, time: -1 })),
  }),
])

/** What it added to the first time was in seconds. */
export const PLAYWRIGHT_1_61_0: string = har(
  { name: 'Playwright', version: '1.61.0' },
  [
    entry(URL_OF, {
      ...isWebSocket,
      _webSocketMessages: SAID.map(({ after, ...rest }) => ({
        ...rest,
        time: START + 100 + (after - 100) / 1000,
      })),
    }),
  ],
  { browser: { name: 'chromium', version: '140' } },
)

const FILE = '0123456789abcdef.jsonl'
export const ATTACHED: string = inMs.map((each) => `${JSON.stringify(each)}\n`).join('')
export const PLAYWRIGHT_ATTACHED: string = har(PLAYWRIGHT, [
  entry(URL_OF, { ...isWebSocket, response: { status: 101, headers: [], content: { _file: FILE } } }),
  entry('wss://other.example/x', {
    ...isWebSocket,
    response: { status: 101, content: { _file: 'not-there.jsonl' } },
  }),
])
export const PLAYWRIGHT_ZIP: Uint8Array = zipOf({ 'har.har': PLAYWRIGHT_ATTACHED, [FILE]: ATTACHED })

export const MITMPROXY: string = har({ name: 'mitmproxy', version: '12.1.0' }, [
  entry(URL_OF.replace('wss', 'https'), { ...isWebSocket, _webSocketMessages: inSeconds }),
])

export const HTTP_TOOLKIT: string = har({ name: 'HTTP Toolkit', version: '1.20.0' }, [
  entry(
    URL_OF,
    {
      ...isWebSocket,
      _webSocketMessages: inSeconds,
      _webSocketClose: { code: 1011, reason: 'oops', timestamp: (START + 400) / 1000 },
    },
    { headers: { Origin: 'http://localhost', 'Sec-WebSocket-Protocol': 'v2,v1' } },
  ),
])

export const FIREFOX: string = har({ name: 'Firefox', version: '140' }, [entry(URL_OF)])
export const SAFARI: string = har({ name: 'WebKit Web Inspector', version: '1.0' }, [entry(URL_OF)])
export const WITHOUT: string = har({ name: 'WebInspector', version: '537.36' }, [
  entry('https://api.example.com/', { response: { status: 200 } }),
])
export const REFUSED: string = har(PLAYWRIGHT, [
  entry(URL_OF, {
    ...isWebSocket,
    response: { status: 503, content: { text: 'YnVzeQ==', encoding: 'base64' } },
  }),
  entry(URL_OF, { ...isWebSocket, response: { status: -1, _failureText: 'net::ERR_CONNECTION_REFUSED' } }),
])
