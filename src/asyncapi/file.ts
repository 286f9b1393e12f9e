import type { Place } from '../documents/document.ts'
import { pointerOf } from '../documents/pointer.ts'

/** A file of a document. Every `$ref` in it is a URI with a pointer that leads somewhere. */
export interface File {
  /** What its parts are referred to by. */
  readonly uri: string
  /** As messages name it. */
  readonly name: string
  readonly value: unknown
  /** `undefined` where there are no lines. */
  lineOf(place: Place): number | undefined
}

/** `api.yaml:12 (#/channels/a)` */
export function whereOf(file: File, place: Place): string {
  const line = file.lineOf(place)
  return `${file.name}${line === undefined ? '' : `:${line}`} (#${pointerOf(place)})`
}
