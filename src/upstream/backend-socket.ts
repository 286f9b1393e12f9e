import { CloseCode } from '../engine/close.ts'
import type { HandshakeRequest } from '../engine/handshake/request.ts'
import type { Payload } from '../engine/runtime.ts'
import type { Backend, BackendEvents } from '../engine/upstream/backend.ts'
import type { Recorder } from '../recording/recorder.ts'
import type { Answer } from '../wire/answer.ts'
import type { ClientSocket, End } from '../wire/client-socket.ts'
import { deflateMessage } from '../wire/deflate.ts'
import { maskedFrame, Opcode } from '../wire/frame.ts'
import { Track } from './track.ts'

/** A smaller message is sent as it is: compressing it makes it no shorter. */
const COMPRESS_FROM_BYTES = 1024

/** A connection to a backend, as the engine knows one. */
export class BackendSocket implements Backend {
  readonly url: string
  readonly subprotocol: string
  readonly #socket: ClientSocket
  readonly #compresses: boolean
  /** The client's. */
  readonly #req: HandshakeRequest
  /** One in each recording; mostly there is none. */
  #tracks: readonly Track[] = []
  #events: BackendEvents | undefined
  /** It ended before anybody listened. */
  #end: End | undefined

  /** What comes in the same breath as the answer is kept until somebody listens. */
  constructor(url: string, req: HandshakeRequest, socket: ClientSocket, answer: Answer) {
    this.url = url
    this.#req = req
    this.subprotocol = answer.headers['sec-websocket-protocol'] ?? ''
    this.#socket = socket
    this.#compresses = answer.headers['sec-websocket-extensions'] !== undefined
    socket.pause()
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  listen(events: BackendEvents): void {
    this.#events = events
    if (this.#end) this.ended(this.#end)
    else this.#socket.resume()
  }

  send(payload: Payload): void {
    if (!this.#socket.isOpen) return
    for (const track of this.#tracks) track.message('client', payload)
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    const opcode = typeof payload === 'string' ? Opcode.Text : Opcode.Binary
    if (!this.#compresses || bytes.length < COMPRESS_FROM_BYTES)
      this.#socket.write(maskedFrame(opcode, bytes))
    else this.#socket.write(maskedFrame(opcode, deflateMessage(bytes), true))
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(code: number, reason: string): void {
    if (this.#socket.isOpen) this.#recordEnd('client', code, reason)
    this.#socket.close(code, reason)
  }

  cut(): void {
    if (this.#socket.isOpen) this.#recordEnd('network')
    this.#socket.finish()
  }

  terminate(): void {
    if (this.#socket.isOpen) this.#recordEnd('network')
    this.#socket.destroy()
  }

  recordTo(recorder: Recorder): void {
    this.#tracks = [...this.#tracks, new Track(recorder, this.#req, this.subprotocol)]
  }

  endRecordingTo(recorder: Recorder): void {
    this.#tracks = this.#tracks.filter((track) => track.recorder !== recorder)
  }

  /** By the network, it is without a close frame of either side. */
  #recordEnd(
    by: 'client' | 'server' | 'network',
    code: number = CloseCode.AbnormalClosure,
    reason = '',
  ): void {
    for (const track of this.#tracks) track.closed(by, code, reason)
  }

  // From the socket

  message(bytes: Buffer, start: number, end: number, isText: boolean): void {
    // A copy: the memory is the socket's.
    const payload = isText ? bytes.toString('utf8', start, end) : Buffer.from(bytes.subarray(start, end))
    for (const track of this.#tracks) track.message('server', payload)
    this.#events?.message(payload)
  }

  ended(end: End): void {
    const { code, reason, wasClean, violation, why } = end
    if (violation !== undefined) this.#recordEnd('client', violation)
    else if (wasClean) this.#recordEnd('server', code, reason)
    else this.#recordEnd('network')
    const events = this.#events
    if (events === undefined) {
      this.#end = end
      return
    }
    events.ended({
      code: wasClean ? code : CloseCode.AbnormalClosure,
      reason,
      violation: violation === undefined ? undefined : why,
    })
  }
}
