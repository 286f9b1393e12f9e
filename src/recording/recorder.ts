import { date as systemDate, now as systemNow } from '../engine/timers.ts'
import type { RecordOptions } from '../engine/record-options.ts'
import {
  contentOf,
  FORMAT,
  toTime,
  type CloseEvent,
  type RecordedEvent,
  type RecordingHead,
  type Side,
} from './format.ts'
import { LineFile } from './line-file.ts'
import { resolveRecordOptions } from './record-options.ts'
import { shortPath } from '../documents/short-path.ts'
import { redactedEvent } from './redacted-event.ts'
import { Redaction, type SecretCounts } from './redaction.ts'

/** A handshake, as a client made it. */
export interface RecordedHandshake {
  /** Path and query. */
  readonly path: string
  /** The subprotocols that the client offered. */
  readonly offered?: readonly string[]
  /** The one that was chosen, `''` for none. */
  readonly protocol?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
}

export interface RecorderOptions {
  /** Of the server that is recorded; stands in the first line. */
  readonly url?: string
  /** What records; stands there, too. @defaultValue 'sidewire' */
  readonly tool?: string
  /** When it began, where that was not now. */
  readonly at?: string
  /** What was recorded by somebody else is imported with its times; else an event is of the moment when it is told. */
  readonly clock?: { now(): number; date(): number }
  /** Told once that the recording has stopped before its end, and what `redact.custom` throws. */
  readonly onError?: (message: string) => void
}

export interface RecordingSummary {
  /** The absolute path. Without a connection there is nothing to keep, and the file is gone. */
  readonly file: string
  readonly connections: number
  readonly messages: number
  readonly refused: number
  readonly bytes: number
  /** How many secrets of each kind were left out. */
  readonly redacted: SecretCounts
  /** Why it ended before its end. */
  readonly stopped: string | undefined
}

/**
 * Opens a file and writes down what is told, as it happens.
 * @throws `ERR_OPTION`; `ERR_RECORDING` for a file that exists, or cannot be made. Nothing is left behind then
 */
// oxlint-disable-next-line typescript/require-await -- callers need not know that files are opened at once for now
export async function openRecorder(
  options: string | RecordOptions,
  about: RecorderOptions = {},
): Promise<Recorder> {
  return new Recorder(options, about)
}

/** Writes a recording. No call throws, none waits; a payload is done with when the call returns. */
export class Recorder {
  readonly file: string
  readonly #lines: LineFile
  readonly #maxBytes: number
  readonly #redaction: Redaction
  readonly #clock: { now(): number }
  readonly #start: number
  readonly #onError: (message: string) => void
  readonly #open = new Set<number>()
  #lastConn = 0
  #connections = 0
  #messages = 0
  #refused = 0
  #stopped: string | undefined
  #isClosed = false
  #hasToldOfCustom = false

  constructor(given: string | RecordOptions, about: RecorderOptions) {
    const options = resolveRecordOptions(given)
    const { url, tool = 'sidewire', clock = { now: systemNow, date: systemDate }, onError = () => {} } = about
    this.file = options.file
    this.#maxBytes = options.maxBytes
    this.#clock = clock
    this.#start = clock.now()
    this.#onError = onError
    this.#redaction = new Redaction(options, (error) => this.#tellOfCustom(error))
    this.#lines = new LineFile(options.file, options.overwrite, (error) => this.#stop(error.message))
    const head: RecordingHead = {
      sidewire: FORMAT,
      at: about.at ?? new Date(clock.date()).toISOString(),
      ...(url !== undefined && { url: this.#redaction.url(url) }),
      tool,
      redacted: this.#redaction.isOn,
    }
    this.#add(`${JSON.stringify(head)}\n`)
    this.#lines.write()
  }

  /** A connection is open. @returns its number, for the other calls */
  opened({ path, offered = [], protocol, headers = {} }: RecordedHandshake): number {
    const conn = ++this.#lastConn
    const isWritten = this.#event(conn, {
      type: 'open',
      path,
      ...(offered.length > 0 && { offered }),
      ...(protocol && { protocol }),
      headers: Object.fromEntries(
        Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
      ),
    })
    if (isWritten) this.#connections++
    this.#open.add(conn)
    return conn
  }

  /** A message; one of a connection that is over, or was never open, is left out. */
  message(conn: number, from: Side, payload: string | Uint8Array): void {
    if (this.#isOver || !this.#open.has(conn)) return
    let content: string
    try {
      content = this.#contentOf(payload, from)
    } catch (error) {
      // Too long for a string, when it is escaped or in base64.
      return this.#stop((error as Error).message)
    }
    if (this.#add(`{"t":${this.#time()},"conn":${conn},"from":"${from}",${content}}\n`)) this.#messages++
  }

  #contentOf(payload: string | Uint8Array, from: Side): string {
    if (typeof payload !== 'string') {
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
      return `"base64":"${bytes.toString('base64')}"`
    }
    const text = this.#redaction.text(payload, from)
    return 'json' in contentOf(text) ? `"json":${text}` : `"text":${JSON.stringify(text)}`
  }

  /** The end of a connection; only its first is written. */
  closed(conn: number, from: CloseEvent['from'], code: number, reason = ''): void {
    if (!this.#open.delete(conn)) return
    this.#event(conn, { type: 'close', from, code, reason })
  }

  /** A handshake that got no 101. */
  refused({
    path,
    status,
    body,
  }: Pick<RecordedHandshake, 'path'> & { readonly status?: number; readonly body?: string }): void {
    const isWritten = this.#event(++this.#lastConn, {
      type: 'refused',
      path,
      ...(status !== undefined && { status }),
      ...(body !== undefined && { body }),
    })
    if (isWritten) this.#refused++
  }

  /** Hands to the system what was told in this turn of the event loop; it does so by itself at the end of the turn. */
  flush(): void {
    this.#lines.write()
  }

  /** Idempotent. Connections that are still open stay without a close. */
  close(): Promise<RecordingSummary> {
    if (!this.#isClosed && this.#connections + this.#refused === 0) this.#lines.remove()
    else this.#lines.close()
    this.#isClosed = true
    return Promise.resolve(this.summary)
  }

  /** So far. */
  get summary(): RecordingSummary {
    return {
      file: this.file,
      connections: this.#connections,
      messages: this.#messages,
      refused: this.#refused,
      bytes: this.#lines.bytes,
      redacted: this.#redaction.counts,
      stopped: this.#stopped,
    }
  }

  /** @returns whether it is in the recording */
  #event(conn: number, event: RecordedEvent): boolean {
    const kept = redactedEvent(event, this.#redaction)
    return this.#add(`${JSON.stringify({ t: this.#time(), conn, ...kept })}\n`)
  }

  #time(): number {
    return toTime(this.#clock.now() - this.#start)
  }

  #add(line: string): boolean {
    if (this.#isOver) return false
    const bytes = Buffer.from(line)
    if (this.#lines.bytes + bytes.length > this.#maxBytes) {
      this.#stop(`it would get larger than maxBytes, ${this.#maxBytes} bytes`)
      return false
    }
    this.#lines.add(bytes)
    return !this.#isOver
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#stopped !== undefined
  }

  #stop(why: string): void {
    this.#stopped = why
    this.#lines.close()
    this.#onError(`the recording ${shortPath(this.file)} has stopped, what comes now is not in it: ${why}`)
  }

  #tellOfCustom(error: unknown): void {
    if (this.#hasToldOfCustom) return
    this.#hasToldOfCustom = true
    const { message } = error as Error
    this.#onError(
      `redact.custom has failed, so what it was given is left out of the recording: ${message} (this is said once)`,
    )
  }
}
