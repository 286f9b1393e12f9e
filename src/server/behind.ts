import type { HttpAnswer, RawRequest, ReadBody } from '../engine/runtime.ts'
import type { Sample } from '../metrics/sample.ts'

/**
 * Where a `Server` answers plain HTTP that has reached another server of its process, which says itself who asks:
 * `undefined` where no handler matches. No part of the API.
 */
export const ANSWER: unique symbol = Symbol.for('sidewire.answer')

/** Where it answers what the inspector's page asks, which has reached another server in the same way. No part of the API. */
export const PAGE: unique symbol = Symbol.for('sidewire.page')

/** What it would tell Prometheus by itself, for whoever asks several of them; nothing without `metrics`. No part of the API. */
export const SAMPLES: unique symbol = Symbol.for('sidewire.samples')

export interface Answering {
  [SAMPLES](): Promise<Sample[]>
  [PAGE](raw: RawRequest, body: ReadBody): Promise<HttpAnswer> | undefined
  [ANSWER](raw: RawRequest): HttpAnswer | Promise<HttpAnswer> | undefined
}
