import { failed } from '../../control/answers.ts'
import { Control } from '../../control/control.ts'
import { systemClock } from '../../engine/clock.ts'
import type { ResolvedServerOptions } from '../../engine/handler/options.ts'
import { isLoopback } from '../../engine/loopback.ts'
import type { HandlerRow } from '../../inspector/handler-row.ts'
import { Inspector, timelineOf } from '../../inspector/inspector.ts'
import { AllWorkers, type Ask } from './all-workers.ts'
import { wireAnswerOf, type WireAnswer, type WireRequest } from './wire.ts'

const NO_RECORDING =
  'the backends of several workers are not recorded: serve without --workers, or use sidewire record in front of the backend'

export interface PagesOptions {
  readonly resolved: ResolvedServerOptions
  readonly workers: number
  /** What serves, for people. */
  readonly runtime: () => string
  readonly handlers: () => readonly HandlerRow[]
}

/** The one inspector and the one control endpoint of all workers, which hand them what they are asked. */
export class Pages {
  readonly all: AllWorkers
  readonly #control: Control | undefined
  readonly #inspector: Inspector | undefined

  constructor(ask: Ask, { resolved, workers, runtime, handlers }: PagesOptions) {
    const { control, inspector, hosts, broker } = resolved
    const listensOnLoopback = hosts.every(isLoopback)
    const redact = inspector ? inspector.redact : []
    this.all = new AllWorkers(systemClock, ask, {
      ...timelineOf({ history: inspector ? inspector.history : 0, redact }),
      workers,
      redact,
      hasBroker: broker !== undefined,
      isAlwaysTold: Boolean(control),
    })
    const { all } = this
    if (control)
      this.#control = new Control(all.reach, systemClock, {
        token: control.token,
        isLoopback: listensOnLoopback,
      })
    if (inspector) {
      const backends = {
        refusal: NO_RECORDING,
        exist: () => false,
        recording: () => ({ isOn: false as const }),
        startRecording: () => Promise.reject(new Error(NO_RECORDING)),
        stopRecording: () => Promise.reject(new Error(NO_RECORDING)),
      }
      const served = {
        get runtime() {
          return runtime()
        },
        handlers,
        stats: all.stats,
        backends,
        lateBy: () => all.lateBy(),
      }
      this.#inspector = new Inspector(all, systemClock, served, { ...inspector, listensOnLoopback })
    }
    all.onLeft = (count) => this.#control?.leave(count)
  }

  /** @param body - asked of the worker, if it is wanted @returns `null` for what is none of theirs */
  async answer(
    raw: WireRequest,
    body: (maxBytes: number) => Promise<Uint8Array | undefined>,
  ): Promise<WireAnswer | null> {
    try {
      const answer = await (this.#inspector?.answer(raw, body) ?? this.#control?.answer(raw, body))
      return answer ? wireAnswerOf(answer) : null
    } catch (thrown) {
      return wireAnswerOf(failed(thrown))
    }
  }

  /** A worker goes, and with it those who wait for an answer of it: they ask another one. */
  wake(): void {
    this.#control?.wake()
    this.#inspector?.wake()
  }

  async close(): Promise<void> {
    this.#control?.close()
    await this.#inspector?.close()
  }
}
