import type { HttpAnswer, RawRequest } from '../engine/runtime.ts'

/**
 * Where a `Server` answers plain HTTP that has reached another server of its process, which says itself who asks:
 * `undefined` where no handler matches. No part of the API.
 */
export const ANSWER: unique symbol = Symbol.for('sidewire.answer')

export interface Answering {
  [ANSWER](raw: RawRequest): HttpAnswer | Promise<HttpAnswer> | undefined
}
