import type { Dial, Dialling } from '../engine/upstream/backend.ts'
import type { Logger } from '../engine/logger.ts'
import type { RecordOptions } from '../engine/record-options.ts'
import type { Recorder, RecordingSummary } from '../recording/recorder.ts'
import { dialBackend } from './dial.ts'
import { sentenceOf } from '../recording/summary.ts'
import { urlToShow, upstreamUrlParts, withoutLogin } from '../engine/upstream/upstream.ts'
import { textAnswer } from '../engine/handshake/handshake.ts'
import type { HttpAnswer } from '../engine/runtime.ts'
import type { Target } from '../wire/target.ts'
import { targetFor } from './target.ts'

/** Whether a handler of this server would be asked by itself: which handler is at that port, and path. */
export type PatternAt = (target: Pick<Target, 'address' | 'port' | 'path'>) => string | undefined

/** The backends of one server, and what is recorded of them. */
export class Upstreams {
  readonly #logger: Logger
  readonly #patternAt: PatternAt
  /** By the name that the user gave the file. */
  readonly #recorders = new Map<string, Promise<Recorder>>()

  constructor(logger: Logger, patternAt: PatternAt) {
    this.#logger = logger
    this.#patternAt = patternAt
  }

  /** Opens the files that are known before any client comes. @throws `ERR_RECORDING`, `ERR_OPTION` */
  async prepare(upstreams: Iterable<Dial['upstream']>): Promise<void> {
    try {
      for (const { record, url } of upstreams) if (record !== undefined) await this.#recorderOf(record, url)
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
    if (record === undefined) return dialBackend(dial, target)
    let dialling: Dialling | undefined
    let isCancelled = false
    const outcome = this.#recorderOf(record, url).then((recorder) => {
      dialling = dialBackend(dial, target, recorder)
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

  /** Ends the recordings, and says what is in them. */
  async close(): Promise<void> {
    for (const summary of await this.#end()) this.#logger.info(sentenceOf(summary))
  }

  /** The server did not come to be. */
  async abandon(): Promise<void> {
    await this.#end()
  }

  async #end(): Promise<RecordingSummary[]> {
    const opened = await Promise.allSettled(this.#recorders.values())
    this.#recorders.clear()
    return Promise.all(opened.flatMap((each) => (each.status === 'fulfilled' ? each.value.close() : [])))
  }

  async #recorderOf(record: string | RecordOptions, url: string): Promise<Recorder> {
    const { openRecorder, Recorder: Made } = await import('../recording/recorder.ts')
    // Who has opened one, and closes it: the command line.
    if (record instanceof Made) return record
    const file = typeof record === 'string' ? record : record.file
    const known = this.#recorders.get(file)
    if (known) return known
    const opening = openRecorder(record, {
      url: withoutLogin(upstreamUrlParts(url)?.origin ?? url),
      onError: (message) => this.#logger.error(message),
    })
    this.#recorders.set(file, opening)
    // The next client tries again: the file may be out of the way then.
    opening.catch(() => this.#recorders.delete(file))
    return opening
  }
}

/** Nobody is asked. */
function refusing(answer: HttpAnswer, why?: string): Dialling {
  return { outcome: Promise.resolve({ backend: undefined, answer, why }), cancel: () => {} }
}
