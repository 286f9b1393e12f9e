import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { decodeFrame, decodeResponse } from '../support/raw-client.ts'
import { DeflateCodec, illegalAnswer, parametersOf } from './deflate-codec.ts'

/** What came back, in order. */
export type Seen =
  | { readonly kind: 'response'; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  /** A message, put together from its fragments and inflated, or a ping or pong. */
  | {
      readonly kind: 'frame'
      readonly opcode: number
      readonly payload: Buffer
      readonly compressed: boolean
    }
  /** 1005 stands for an empty close frame. */
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  /** A ping got its pong, a close frame its answer, and the TCP connection ended. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'end' }
  /** Nothing came for as long as a case may take. */
  | { readonly kind: 'silence' }
  /** What no server may send. */
  | { readonly kind: 'illegal'; readonly what: string }

/** The first one may come before the next look at the sockets. */
const TURNS = 2

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** A TCP socket that writes down all that comes back, and holds it to what RFC 6455 and RFC 7692 ask of a server. */
export class WireClient {
  readonly seen: Seen[] = []
  codec: DeflateCodec | undefined
  readonly #tcp: Socket
  readonly #waiters = new Set<() => void>()
  #requests = ''
  #chunks: Buffer[] = []
  #size = 0
  #needed = 0
  #upgraded = false
  #bodyToEnd = false
  #closed = false
  #fragments: { opcode: number; compressed: boolean; parts: Buffer[] } | undefined
  #ended = false

  constructor(port: number) {
    this.#tcp = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#tcp.on('error', () => {})
    this.#tcp.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#size += chunk.length
      if (this.#size >= this.#needed) this.#read()
    })
    // A reset counts like an end: what it must not do is to take away frames, and those would be missed.
    for (const event of ['end', 'close']) this.#tcp.once(event, () => this.#end())
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Resolves when the system has the bytes, and the server, in this process, has had turns to read them. */
  async write(bytes: Buffer, turns: number = TURNS): Promise<void> {
    if (!this.#upgraded) this.#requests += bytes.toString('latin1')
    if (this.#ended) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#tcp.off('close', done)
        resolve()
      }
      this.#tcp.once('close', done)
      this.#tcp.write(bytes, done)
    })
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Waits until it holds, or the end. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds() && !this.#ended) await new Promise<void>((resolve) => this.#waiters.add(resolve))
  }

  /** No more time: whoever waits goes on. */
  giveUp(): void {
    this.#see({ kind: 'silence' })
    this.#ended = true
    this.#wake()
    this.destroy()
  }

  /** Ends the client's side of the TCP connection. */
  end(): void {
    this.#tcp.end()
  }

  destroy(): void {
    this.#tcp.destroy()
  }

  #see(event: Seen): void {
    if (this.#ended) return
    if (this.#closed && event.kind !== 'end' && event.kind !== 'silence')
      this.seen.push({ kind: 'illegal', what: 'sends something behind its close frame' })
    else this.seen.push(event)
    if (event.kind === 'close') this.#closed = true
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiters) wake()
    this.#waiters.clear()
  }

  #end(): void {
    if (this.#ended) return
    if (this.#size > 0) {
      const what = `ends in the middle of ${this.#upgraded ? 'a frame' : 'a response'}`
      this.#see({ kind: 'illegal', what })
    }
    this.#see({ kind: 'end' })
    this.#ended = true
    this.#wake()
  }

  #bytes(): Buffer {
    const [first] = this.#chunks
    const all = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks)
    this.#chunks = [all]
    return all
  }

  #read(): void {
    let rest = this.#bytes()
    for (;;) {
      if (this.#bodyToEnd) rest = rest.subarray(rest.length)
      if (!this.#upgraded) {
        const found = decodeResponse(rest, this.#requests.startsWith('HEAD '))
        if (!found) break
        rest = rest.subarray(found.size)
        this.#respond(found.response)
        const { status, headers } = found.response
        // RFC 9112 6.3: without a length the body goes on to the end.
        this.#bodyToEnd = status !== 101 && headers['content-length'] === undefined
        continue
      }
      const { frame, size } = decodeFrame(rest)
      this.#needed = size
      if (!frame) break
      rest = rest.subarray(size)
      this.#receive(frame)
    }
    this.#chunks = [rest]
    this.#size = rest.length
  }

  #respond({ status, headers }: { status: number; headers: Record<string, string> }): void {
    if (status === 101) {
      this.#upgraded = true
      const wrong = this.#illegalSwitch(headers)
      if (wrong) this.#see({ kind: 'illegal', what: wrong })
    }
    this.#see({ kind: 'response', status, headers })
  }

  /** What is wrong with a 101 by RFC 6455 4.1, the client's list of checks. */
  #illegalSwitch(headers: Record<string, string>): string | undefined {
    if (headers['upgrade']?.toLowerCase() !== 'websocket') return 'answers 101 without Upgrade: websocket'
    if (headers['connection']?.toLowerCase() !== 'upgrade') return 'answers 101 without Connection: Upgrade'
    const sent = (name: string): string[] =>
      [...this.#requests.matchAll(new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*\\r$`, 'gim'))].map(
        ([, value]) => value ?? '',
      )
    const accepts = sent('sec-websocket-key').map((key) =>
      createHash('sha1')
        .update(key + GUID)
        .digest('base64'),
    )
    if (!accepts.includes(headers['sec-websocket-accept'] ?? ''))
      return 'answers 101 with a wrong Sec-WebSocket-Accept'
    const protocol = headers['sec-websocket-protocol']
    const offered = sent('sec-websocket-protocol').flatMap((value) =>
      value.split(',').map((name) => name.trim()),
    )
    if (protocol !== undefined && !offered.includes(protocol))
      return `chooses a subprotocol that was not offered: ${protocol}`
    const extension = headers['sec-websocket-extensions']
    if (extension === undefined) return undefined
    this.codec = new DeflateCodec(parametersOf(extension))
    return illegalAnswer(
      extension,
      sent('sec-websocket-extensions').flatMap((value) => value.split(',')),
    )
  }

  #receive(frame: NonNullable<ReturnType<typeof decodeFrame>['frame']>): void {
    const { opcode, fin, rsv, payload } = frame
    const wrong = this.#illegalFrame(frame)
    if (wrong) return this.#see({ kind: 'illegal', what: wrong })
    if (opcode === 8) {
      const code = payload.length === 0 ? 1005 : payload.readUInt16BE()
      return this.#see({ kind: 'close', code, reason: payload.toString('utf8', 2) })
    }
    if (opcode > 8) return this.#see({ kind: 'frame', opcode, payload, compressed: false })
    const message = (this.#fragments ??= { opcode, compressed: (rsv & 4) !== 0, parts: [] })
    message.parts.push(payload)
    if (!fin) return
    this.#fragments = undefined
    const whole = Buffer.concat(message.parts)
    try {
      const content = message.compressed ? this.codec?.inflate(whole) : whole
      this.#see({
        kind: 'frame',
        opcode: message.opcode,
        payload: content ?? whole,
        compressed: message.compressed,
      })
    } catch (error) {
      this.#see({ kind: 'illegal', what: `sends what does not inflate: ${(error as Error).message}` })
    }
  }

  #illegalFrame({
    opcode,
    fin,
    rsv,
    masked,
    lengthBytes,
    payload,
  }: NonNullable<ReturnType<typeof decodeFrame>['frame']>): string | undefined {
    if (masked) return 'masks a frame'
    const fewest = payload.length < 126 ? 1 : payload.length < 65_536 ? 2 : 8
    if (lengthBytes !== fewest) return 'takes more bytes than needed for a length'
    if (opcode >= 8) {
      if (opcode > 10) return `sends the reserved opcode ${opcode}`
      if (rsv !== 0) return 'sends a control frame with reserved bits'
      if (!fin || payload.length > 125) return 'sends a control frame in fragments, or of more than 125 bytes'
      return opcode === 8 && payload.length === 1 ? 'sends a close frame of 1 byte' : undefined
    }
    if (opcode > 2) return `sends the reserved opcode ${opcode}`
    if ((opcode === 0) === (this.#fragments === undefined)) return 'sends fragments in a wrong order'
    const allowed = this.codec && opcode !== 0 ? 4 : 0
    return (rsv & ~allowed) === 0 ? undefined : 'sets reserved bits that were not agreed on'
  }
}
