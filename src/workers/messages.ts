import type { Sample } from '../metrics/sample.ts'
import type { Answer, Ask, ToldError } from './calls.ts'
import type { Forwarded } from './overview/forwarding.ts'
import type { Pulse, Seen } from './overview/stream.ts'

// What a supervisor and its workers say to each other, over the channel of `node:cluster`.

export type ToWorker =
  | {
      readonly type: 'start'
      /** What is loaded, as the command line has it. */
      readonly job: unknown
      /** Its number, from 1. */
      readonly worker: number
      readonly workers: number
      readonly port: number
      /** Where the hub is; `undefined` where they have a broker. */
      readonly hub: string | undefined
      /** What is answered by the supervisor. */
      readonly forwarded: Forwarded
      /** Where the chance of faults without a seed comes from: the same in all. */
      readonly faultSeed: number
    }
  /** Load it anew, and say whether it could be served. */
  | { readonly type: 'prepare'; readonly generation: number }
  /** Serve what was prepared. */
  | { readonly type: 'commit'; readonly generation: number }
  /** Close in order, and end. */
  | { readonly type: 'drain' }
  /** So many processes serve now. */
  | { readonly type: 'workers'; readonly up: number }
  /** So much of what was `seen`. */
  | { readonly type: 'taken'; readonly size: number }
  | Ask
  | Answer

export type FromWorker =
  /** It listens to its supervisor: what was said before would be lost. */
  | { readonly type: 'ready' }
  | ({ readonly type: 'listening' } & Served)
  | { readonly type: 'failed'; readonly error: ToldError }
  | { readonly type: 'prepared'; readonly generation: number; readonly error?: ToldError }
  | { readonly type: 'committed'; readonly generation: number }
  /** It ends, and this is what it has counted. */
  | { readonly type: 'samples'; readonly samples: readonly Sample[] }
  | Seen
  | Pulse
  | Ask
  | Answer

/** What there is to announce. */
export interface Served {
  readonly url: string
  readonly urls: readonly string[]
  readonly port: number
  readonly runtime: string
  readonly runtimeDescription: string
}
