import type { Logger } from '../engine/logger.ts'
import type { RecordOptions } from '../engine/record-options.ts'
import { serverOf } from '../engine/upstream/upstream.ts'
import type { Recorder, RecordingSummary } from '../recording/recorder.ts'
import type { BackendSocket } from './backend-socket.ts'

type Refusal = Parameters<Recorder['refused']>[0]

/** What is recorded of the backends of one server: by their handlers, each to a file, and by who records them all. */
export class Recordings {
  readonly #logger: Logger
  /** Of handlers, by the name that the user gave the file. */
  readonly #files = new Map<string, Promise<Recorder>>()
  readonly #ofAll = new Set<Recorder>()
  /** A recorder that begins now has them, too. */
  readonly #connected = new Set<BackendSocket>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** What a handler records to, opened with its first connection. @throws `ERR_RECORDING`, `ERR_OPTION` */
  async of(record: string | RecordOptions, url: string): Promise<Recorder> {
    const { openRecorder, Recorder: Made } = await import('../recording/recorder.ts')
    // Who has opened one, and closes it: the command line.
    if (record instanceof Made) return record
    const file = typeof record === 'string' ? record : record.file
    const known = this.#files.get(file)
    if (known) return known
    const opening = openRecorder(record, {
      url: serverOf(url),
      onError: (message) => this.#logger.error(message),
    })
    this.#files.set(file, opening)
    // The next client tries again: the file may be out of the way then.
    opening.catch(() => this.#files.delete(file))
    return opening
  }

  /** From now on it is told of all; who has given it closes it. */
  addOfAll(recorder: Recorder): void {
    this.#ofAll.add(recorder)
    for (const backend of this.#connected) backend.recordTo(recorder)
  }

  removeOfAll(recorder: Recorder): void {
    this.#ofAll.delete(recorder)
    for (const backend of this.#connected) backend.endRecordingTo(recorder)
  }

  // From who dials

  connected(backend: BackendSocket, own: Recorder | undefined): void {
    this.#connected.add(backend)
    for (const recorder of this.#for(own)) backend.recordTo(recorder)
  }

  ended(backend: BackendSocket): void {
    this.#connected.delete(backend)
  }

  refused(refusal: Refusal, own: Recorder | undefined): void {
    for (const recorder of this.#for(own)) recorder.refused(refusal)
  }

  #for(own: Recorder | undefined): Iterable<Recorder> {
    return own ? [own, ...this.#ofAll] : this.#ofAll
  }

  /** Ends those of handlers. */
  async close(): Promise<RecordingSummary[]> {
    const opened = await Promise.allSettled(this.#files.values())
    this.#files.clear()
    return Promise.all(opened.flatMap((each) => (each.status === 'fulfilled' ? each.value.close() : [])))
  }
}
