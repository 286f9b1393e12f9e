import { relative } from 'node:path'
import { SidewireError } from '../engine/errors.ts'
import type { Logger } from '../engine/logger.ts'
import type { RecordingState } from '../engine/upstream/recording-state.ts'
import type { Recorder } from '../recording/recorder.ts'
import { sentenceOf } from '../recording/summary.ts'
import type { Recordings } from './recordings.ts'

/** Below the working directory: whoever switches it from a page does not choose what is written over. */
const FILE = 'recordings/{date}.jsonl'

/** Records what all backends of a server say, from one moment to another. */
export class BackendRecording {
  readonly #recordings: Recordings
  readonly #logger: Logger
  #recorder: Recorder | undefined
  #text: string | undefined

  constructor(recordings: Recordings, logger: Logger) {
    this.#recordings = recordings
    this.#logger = logger
  }

  get state(): RecordingState {
    const text = this.#text === undefined ? {} : { text: this.#text }
    if (!this.#recorder) return { isOn: false, ...text }
    const { file, connections, messages } = this.#recorder.summary
    return { isOn: true, file: relative('', file), connections, messages, ...text }
  }

  /**
   * @param url - the server that all are at, if it is one
   * @param redact - keys whose values are left out, besides those that look like secrets
   * @throws `ERR_RECORDING`
   */
  async start(url: string | undefined, redact: readonly string[]): Promise<RecordingState> {
    const { Recorder: Made } = await import('../recording/recorder.ts')
    // In one turn with what it asserts: of two clicks one is told.
    this.#assertOff()
    const recorder = new Made(
      { file: FILE, redact: { keys: redact } },
      { ...(url !== undefined && { url }), onError: (message) => this.#failed(message) },
    )
    this.#text = undefined
    this.#recorder = recorder
    this.#recordings.addOfAll(recorder)
    this.#logger.info(`recording all backends to ${relative('', recorder.file)}`)
    return this.state
  }

  /** @throws `ERR_RECORDING` */
  async stop(): Promise<RecordingState> {
    const recorder = this.#recorder
    if (!recorder) throw new SidewireError('ERR_RECORDING', 'nothing is recorded: start it first')
    this.#recorder = undefined
    this.#recordings.removeOfAll(recorder)
    const summary = await recorder.close()
    const why = summary.stopped === undefined ? '' : `; it stopped before its end: ${summary.stopped}`
    this.#text = sentenceOf(summary) + why
    this.#logger.info(this.#text)
    return this.state
  }

  #assertOff(): void {
    if (!this.#recorder) return
    const file = relative('', this.#recorder.file)
    throw new SidewireError('ERR_RECORDING', `the backends are recorded to ${file} already: stop it first`)
  }

  #failed(message: string): void {
    this.#text = message
    this.#logger.error(message)
  }
}
