import type { HandshakeRequest } from '../engine/handshake/request.ts'
import { tokens } from '../engine/handshake/request.ts'
import type { Payload } from '../engine/runtime.ts'
import type { Recorder } from '../recording/recorder.ts'

/** One connection of a recording, as its backend sees it. */
export class Track {
  readonly recorder: Recorder
  readonly #conn: number

  constructor(recorder: Recorder, req: HandshakeRequest, protocol: string) {
    this.recorder = recorder
    this.#conn = recorder.opened({
      path: req.url,
      offered: tokens(req.headers['sec-websocket-protocol']),
      protocol,
      headers: req.headers,
    })
  }

  message(from: 'client' | 'server', payload: Payload): void {
    this.recorder.message(this.#conn, from, payload)
  }

  closed(from: 'client' | 'server' | 'network', code: number, reason: string): void {
    this.recorder.closed(this.#conn, from, code, reason)
  }
}
