const encoder = new TextEncoder()

/** RFC 6455 7.4.1 and the IANA registry; the page shows names, the wire carries numbers. */
const CLOSE_NAMES = {
  1000: 'Normal Closure',
  1001: 'Going Away',
  1002: 'Protocol Error',
  1003: 'Unsupported Data',
  1005: 'No Status Received',
  1006: 'Abnormal Closure',
  1007: 'Invalid Payload',
  1008: 'Policy Violation',
  1009: 'Message Too Big',
  1010: 'Mandatory Extension',
  1011: 'Internal Error',
  1012: 'Service Restart',
  1013: 'Try Again Later',
  1014: 'Bad Gateway',
}

export function closeName(code) {
  return CLOSE_NAMES[code] ?? (code >= 4000 ? 'Application Code' : 'Other')
}

/** `ws:` for `http:`, `wss:` for `https:`, on the page's own host, below the prefix that the server was started with. */
export function socketUrl(path) {
  const prefix = document.querySelector('meta[name="sidewire-prefix"]').content
  const url = new URL(prefix + path, location.origin)
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  return url.href
}

/**
 * One WebSocket to one handler, opened as often as asked. Events: `state`, `frame` (everything that happens on
 * the wire) and `message` (what arrived, parsed).
 */
export class Connection extends EventTarget {
  /** 'idle' | 'connecting' | 'open' | 'closing' | 'closed' */
  state = 'idle'
  /** How the last connection ended, or `undefined`. */
  lastClose
  #socket
  #reopen = false
  #closedHere = false

  constructor(name, path) {
    super()
    this.name = name
    this.url = socketUrl(path)
  }

  open() {
    if (this.state === 'connecting' || this.state === 'open' || this.state === 'closing') return
    const socket = new WebSocket(this.url)
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('open', () => {
      const { protocol, extensions } = socket
      this.#report('open', { url: this.url, subprotocol: protocol, extensions })
      this.#enter('open')
    })
    socket.addEventListener('message', ({ data }) => {
      this.#report('received', data)
      this.dispatchEvent(new CustomEvent('message', { detail: parse(data) }))
    })
    socket.addEventListener('close', (event) => this.#closed(event))
    this.#socket = socket
    this.#closedHere = false
    this.#enter('connecting')
  }

  /** @throws what the browser throws for a code or a reason that it does not allow */
  close(code = 1000, reason = '') {
    if (this.state !== 'connecting' && this.state !== 'open') return
    this.#socket.close(code, reason)
    this.#closedHere = true
    // Before the handshake is through there is nobody to send a close frame to.
    if (this.state === 'open') this.#report('closing', { code, name: closeName(code), reason })
    this.#enter('closing')
  }

  /** Opens afresh: after the closing handshake if there is a connection now. */
  reconnect() {
    if (this.state === 'idle' || this.state === 'closed') return this.open()
    this.#reopen = true
    this.close(1000, 'Reconnect')
  }

  /** @returns whether it could be sent */
  send(data) {
    if (this.state !== 'open') return false
    const payload = typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data)
    this.#socket.send(payload)
    this.#report('sent', payload)
    return true
  }

  #closed({ code, reason, wasClean }) {
    const by = this.#closedHere ? 'this page' : wasClean ? 'the server' : 'no close frame'
    this.lastClose = { code, name: closeName(code), reason, wasClean, by }
    this.#report('close', this.lastClose)
    this.#enter('closed')
    if (!this.#reopen) return
    this.#reopen = false
    this.open()
  }

  #enter(state) {
    this.state = state
    this.dispatchEvent(new Event('state'))
  }

  #report(kind, content) {
    const frame = { connection: this.name, time: new Date(), kind, content, size: sizeOf(kind, content) }
    this.dispatchEvent(new CustomEvent('frame', { detail: frame }))
  }
}

function sizeOf(kind, content) {
  if (kind === 'sent' || kind === 'received')
    return typeof content === 'string' ? encoder.encode(content).length : content.byteLength
  // RFC 6455 5.5.1: two bytes of code, then the reason; 1005 and 1006 stand for no code on the wire.
  if (kind !== 'close' && kind !== 'closing') return undefined
  return content.code === 1005 || content.code === 1006 ? 0 : 2 + encoder.encode(content.reason).length
}

function parse(data) {
  if (typeof data !== 'string') return data
  try {
    return JSON.parse(data)
  } catch {
    return data
  }
}
