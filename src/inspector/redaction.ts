import { replaceMembers, replaceQuery } from '../engine/members.ts'
import type { Payload } from '../engine/runtime.ts'

/** What must not be seen: the values of these keys, in JSON messages and in the query of a URL. */
export class Redaction {
  readonly #keys: ReadonlySet<string>

  constructor(keys: readonly string[]) {
    this.#keys = new Set(keys.map((key) => key.toLowerCase()))
  }

  payload(payload: Payload): Payload {
    if (typeof payload !== 'string' || this.#keys.size === 0) return payload
    return replaceMembers(payload, (key) => (this.#hides(key) ? '"[redacted]"' : undefined))
  }

  url(url: string): string {
    return this.#keys.size === 0
      ? url
      : replaceQuery(url, (name) => (this.#hides(name) ? '[redacted]' : undefined))
  }

  #hides(name: string): boolean {
    return this.#keys.has(name.toLowerCase())
  }
}
