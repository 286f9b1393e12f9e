import type { HandshakeRequest } from '../engine/handshake/request.ts'
import type { Moment } from '../engine/handler/scenario.ts'

/** What a template may ask: as much of a moment as there is where it stands. */
export type Asked = Partial<Omit<Moment, 'conn'>> & {
  readonly conn?: { readonly id?: string; readonly req: HandshakeRequest }
}

export type Made = (asked: Asked) => unknown

/** What stands behind the name of a function. */
export interface Call {
  /** As it was written. */
  readonly words: readonly string[]
  /** The same, with numbers and what stands in quotes for what they are. */
  readonly values: readonly unknown[]
  /** The whole template, for errors. */
  readonly text: string
  /** The file that says it. */
  readonly from: string
}
