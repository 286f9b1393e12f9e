import { createHash } from 'node:crypto'
import { decodeString, replaceLeaves, replaceMembers, replaceQuery } from '../engine/members.ts'
import type { RecordOptions } from '../engine/record-options.ts'
import type { Side } from './format.ts'

/** What a key, a name in the query or a line is called that holds a secret. */
const SECRET = /token|secret|password|passwd|passcode|authorization|api[-_]?key|cookie|session|jwt|signature/i
/** `total_tokens: 12` of a language model counts, and `input_token_details: { … }` has more of them. */
const COUNT = /tokens$|token_?(?:count|limit|budget|usage)$/i
const DETAILS = /token_?(?:usage|details)$/i

const JWT = /\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?/g
/** RFC 6750 2.1; JSON may escape the slashes. */
const BEARER = /(\bbearer\s+)((?:[\w\-.~+/]|\\\/){4,}=*)/gi
/** RFC 3986 3.2.1, of a URL anywhere in text; JSON may escape the slashes. */
const LOGIN = /(:\\?\/\\?\/)([^\s/@"'<>\\?#]+)@/g
/** Of a URL in text. */
const QUERY = /([?&]([^?=&#\s"'\\]+)=)([^&#\s"'<>\\]+)/g
/** A header of a protocol of text, such as STOMP. */
const LINE = /((?:^|\n)([\w-]+)[ \t]*:[ \t]*)([^\r\n\0]+)/g

/** Whether there may be any of it: most messages have nothing, and are not searched a second time. */
const SUSPICIOUS = new RegExp(`${SECRET.source}|eyJ|bearer|://[^\\s/]*@|:\\\\/\\\\/[^\\s/]*@`, 'i')

const PLACEHOLDER = /^\[redacted:(\d+)\]$/

/** Headers of a handshake that say nothing about who it is. */
const KEPT = /^(?:origin|user-agent|sec-websocket-.+)$/

/** Where secrets were found; `header` counts those that were left out whole. */
export type SecretKind =
  | 'key'
  | 'query'
  | 'login'
  | 'jwt'
  | 'bearer'
  | 'line'
  | 'subprotocol'
  | 'header'
  | 'custom'
export type SecretCounts = Readonly<Partial<Record<SecretKind, number>>>

/** So many are told apart; a token that comes again after them gets another number. */
const MAX_KNOWN = 100_000
const MAX_KEPT_LENGTH = 64

/** What is not written down: secrets become `[redacted:1]`, the same one always the same. */
export class Redaction {
  readonly isOn: boolean
  readonly #keys: ReadonlySet<string>
  readonly #headers: ReadonlySet<string>
  readonly #custom: ((text: string, from: Side) => string) | undefined
  readonly #onError: (error: unknown) => void
  readonly #suspects: boolean
  readonly #known = new Map<string, number>()
  readonly #counts: Partial<Record<SecretKind, number>> = {}
  #last = 0

  /** @param onError - told what `custom` throws; the text it was about is hidden as a whole */
  constructor(
    { redact = {}, headers = [] }: Pick<RecordOptions, 'redact' | 'headers'>,
    onError: (error: unknown) => void,
  ) {
    const { keys = [], custom } = redact || {}
    this.isOn = redact !== false
    this.#keys = new Set(keys.map((key) => key.toLowerCase()))
    this.#headers = new Set(headers.map((name) => name.toLowerCase()))
    this.#custom = custom
    this.#onError = onError
    this.#suspects = keys.length > 0
  }

  get counts(): SecretCounts {
    return { ...this.#counts }
  }

  /** A message, the body of an answer, the reason of a close. */
  text(text: string, from: Side): string {
    if (!this.isOn || text === '') return text
    const given = this.#customized(text, from)
    if (!this.#suspects && !SUSPICIOUS.test(given)) return given
    return this.#inText(replaceMembers(given, (name, value) => this.#member(name, value)))
  }

  /** A URL, or its path and query. */
  url(url: string): string {
    if (!this.isOn) return url
    const given = this.#customized(url, 'client')
    const redacted = replaceQuery(given, (name, value) =>
      this.#isSecret(name) && value !== '' ? this.#hide(value, 'query') : undefined,
    )
    return this.#inText(redacted)
  }

  /** Those that are kept, by lower-case name. */
  headers(headers: Readonly<Record<string, string | undefined>>): Record<string, string> {
    const kept: Record<string, string> = {}
    for (const [given, value] of Object.entries(headers)) {
      const name = given.toLowerCase()
      if (value === undefined) continue
      if (KEPT.test(name) || this.#headers.has(name)) kept[name] = this.#header(name, value)
      else this.#count('header')
    }
    return kept
  }

  /** Some pass a token as one: `['access_token', 'x']`, or `base64url.bearer.authorization.k8s.io.x`. */
  subprotocols(offered: readonly string[]): string[] {
    if (!this.isOn) return [...offered]
    return offered.map((each, index) => {
      const isBehindName = this.#isSecret(offered[index - 1] ?? '') && !this.#isSecret(each)
      const isLong = /bearer|authorization|token/i.test(each) && each.length > 32
      return isBehindName || isLong ? this.#hide(each, 'subprotocol') : this.#inText(each)
    })
  }

  #header(name: string, value: string): string {
    if (!this.isOn) return value
    if (name === 'sec-websocket-protocol')
      return this.subprotocols(value.split(',').map((each) => each.trim())).join(', ')
    return this.#isSecret(name) ? this.#hide(value, 'key') : this.#inText(this.#customized(value, 'client'))
  }

  #customized(text: string, from: Side): string {
    if (!this.#custom) return text
    try {
      const made: unknown = this.#custom(text, from)
      if (typeof made !== 'string') throw new TypeError('redact.custom has to return a string')
      if (made !== text) this.#count('custom')
      return made
    } catch (error) {
      this.#onError(error)
      return this.#hide(text, 'custom')
    }
  }

  #inText(text: string): string {
    return text
      .replace(LOGIN, (_, before: string, login: string) => `${before}${this.#hide(login, 'login')}@`)
      .replace(JWT, (token) => this.#hide(token, 'jwt'))
      .replace(BEARER, (_, before: string, token: string) => before + this.#hide(token, 'bearer'))
      .replace(QUERY, (whole: string, before: string, name: string, value: string) =>
        this.#isSecret(name) ? before + this.#hide(decoded(value), 'query') : whole,
      )
      .replace(LINE, (whole: string, before: string, name: string, value: string) =>
        this.#isSecret(name) && !value.includes('[redacted:') ? before + this.#hide(value, 'line') : whole,
      )
  }

  /** The value of a member of an object, as JSON. An object or a list keeps its form, and a client that reads it its feet. */
  #member(name: string, valueOf: () => string): string | undefined {
    if (!this.#isSecret(name)) return undefined
    const value = valueOf()
    const isNamed = this.#keys.has(name.toLowerCase())
    if (!isNamed && (/^\d/.test(value) ? COUNT : DETAILS).test(name) && /^[\d{]/.test(value)) return undefined
    if (/^(?:true|false|null|""|)$/.test(value)) return undefined
    return replaceLeaves(value, (leaf) => {
      const secret = leaf.startsWith('"') ? decodeString(leaf) : leaf
      return secret === '' ? leaf : JSON.stringify(this.#hide(secret, 'key'))
    })
  }

  #isSecret(name: string): boolean {
    return SECRET.test(name) || this.#keys.has(name.toLowerCase())
  }

  #hide(secret: string, kind: SecretKind): string {
    // What was recorded already, and is converted.
    const [, before] = PLACEHOLDER.exec(secret) ?? []
    if (before !== undefined) {
      this.#last = Math.max(this.#last, Number(before))
      return secret
    }
    this.#count(kind)
    const key =
      secret.length > MAX_KEPT_LENGTH ? createHash('sha256').update(secret).digest('base64') : secret
    let number = this.#known.get(key)
    if (number === undefined) {
      const [oldest] = this.#known.size < MAX_KNOWN ? [] : this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
      this.#known.set(key, (number = ++this.#last))
    }
    return `[redacted:${number}]`
  }

  #count(kind: SecretKind): void {
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
