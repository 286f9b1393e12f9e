import type { Payload } from '../engine/runtime.ts'

/** What must not be seen: the values of these keys, in JSON messages and in the query of a URL. */
export class Redaction {
  readonly #keys: ReadonlySet<string>

  constructor(keys: readonly string[]) {
    this.#keys = new Set(keys.map((key) => key.toLowerCase()))
  }

  payload(payload: Payload): Payload {
    return typeof payload === 'string' ? this.#text(payload) : payload
  }

  #text(text: string): string {
    if (this.#keys.size === 0 || !/^\s*[[{]/.test(text)) return text
    try {
      let found = false
      const redacted = JSON.stringify(JSON.parse(text), (key, value: unknown) => {
        if (!this.#keys.has(key.toLowerCase())) return value
        found = true
        return '[redacted]'
      })
      // What has none stays letter by letter as it was.
      return found ? redacted : text
    } catch {
      return text
    }
  }

  url(url: string): string {
    const at = url.indexOf('?')
    if (this.#keys.size === 0 || at === -1) return url
    const pairs = url
      .slice(at + 1)
      .split('&')
      .map((pair) => {
        const [name = ''] = pair.split('=')
        return this.#keys.has(decoded(name).toLowerCase()) ? `${name}=[redacted]` : pair
      })
    return `${url.slice(0, at)}?${pairs.join('&')}`
  }
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
