import type { Dial, Dialling } from '../engine/upstream/backend.ts'
import type { Logger } from '../engine/logger.ts'
import { BackendRecording } from './backend-recording.ts'
import { dialBackend } from './dial.ts'
import { sentenceOf } from '../recording/summary.ts'
import { urlToShow } from '../engine/upstream/upstream.ts'
import { textAnswer } from '../engine/handshake/handshake.ts'
import type { HttpAnswer } from '../engine/runtime.ts'
import type { Target } from '../wire/target.ts'
import { Recordings } from './recordings.ts'
import { targetFor } from './target.ts'

/** Whether a handler of this server would be asked by itself: which handler is at that port, and path. */
export type PatternAt = (target: Pick<Target, 'address' | 'port' | 'path'>) => string | undefined

/** The backends of one server, and what is recorded of them. */
export class Upstreams {
  readonly #logger: Logger
  readonly #patternAt: PatternAt
  readonly #recordings: Recordings
  /** Of all of them, whatever their handlers record. */
  readonly recording: BackendRecording

  constructor(logger: Logger, patternAt: PatternAt) {
    this.#logger = logger
    this.#patternAt = patternAt
    this.#recordings = new Recordings(logger)
    this.recording = new BackendRecording(this.#recordings, logger)
  }

  /** Opens the files that are known before any client comes. @throws `ERR_RECORDING`, `ERR_OPTION` */
  async prepare(upstreams: Iterable<Dial['upstream']>): Promise<void> {
    try {
      for (const { record, url } of upstreams)
        if (record !== undefined) await this.#recordings.of(record, url)
    } catch (error) {
      await this.abandon()
      throw error
    }
  }

  readonly dial = (dial: Dial): Dialling => {
    const { record, url } = dial.upstream
    const target = targetFor(url, dial.req)
    if (target === undefined)
      return refusing(textAnswer(400, 'A parameter of the path would leave its segment'))
    // It would go on until nobody can open anything any more.
    if (this.#patternAt(target) === dial.pattern) {
      const why = `${urlToShow(target.url)} is this handler itself: upstream has to be the URL of another server`
      return refusing(textAnswer(502, `The backend cannot be reached: ${why}`), why)
    }
    if (record === undefined) return dialBackend(dial, target, this.#recordings)
    let dialling: Dialling | undefined
    let isCancelled = false
    const outcome = this.#recordings.of(record, url).then((recorder) => {
      dialling = dialBackend(dial, target, this.#recordings, recorder)
      if (isCancelled) dialling.cancel()
      return dialling.outcome
    })
    return {
      outcome,
      cancel() {
        isCancelled = true
        dialling?.cancel()
      },
    }
  }

  /** Ends what is recorded, and says what is in it. */
  async close(): Promise<void> {
    if (this.recording.state.isOn) await this.recording.stop()
    for (const summary of await this.#recordings.close()) this.#logger.info(sentenceOf(summary))
  }

  /** The server did not come to be. */
  async abandon(): Promise<void> {
    await this.#recordings.close()
  }
}

/** Nobody is asked. */
function refusing(answer: HttpAnswer, why?: string): Dialling {
  return { outcome: Promise.resolve({ backend: undefined, answer, why }), cancel: () => {} }
}
