import { describe } from '../engine/errors.ts'
import type { SchemaIssue } from '../engine/schema/standard-schema.ts'
import type { Message } from './api.ts'
import { discriminatorOf, type Discriminator } from './discriminator.ts'
import { shortList } from './short-list.ts'
import type { Check, Validation } from './validation.ts'

/** What a message is. */
export interface Verdict {
  /** The one that it is, or is meant to be; `undefined` where nothing says. */
  readonly message: Message | undefined
  /** What is wrong with it. */
  readonly issues: readonly SchemaIssue[]
  /** For a log, where it is the value that says which message it is that is none of those of the document. */
  readonly stranger?: string
}

interface Candidate {
  readonly message: Message
  readonly check: Check
}

/** Says which of several messages a value is. */
export class Classifier {
  readonly #candidates: readonly Candidate[]
  readonly #discriminator: Discriminator | undefined
  readonly #isAnything: ReadonlySet<Message>
  readonly #onAmbiguous: (chosen: Message, other: Message) => void
  #last: { readonly data: unknown; readonly verdict: Verdict } | undefined

  /** @param onAmbiguous - told of two that both fit */
  constructor(
    messages: readonly Message[],
    validation: Validation,
    onAmbiguous: (chosen: Message, other: Message) => void = () => {},
  ) {
    this.#candidates = messages.map((message) => ({ message, check: checkOf(message, validation) }))
    this.#discriminator = discriminatorOf(messages)
    this.#isAnything = new Set(messages.filter(isAnything))
    this.#onAmbiguous = onAmbiguous
  }

  /** Of a message of a client, which nobody changes: the schema and each rule of a scenario ask for the same one. */
  remembered(data: unknown): Verdict {
    if (!this.#last || !Object.is(this.#last.data, data)) this.#last = { data, verdict: this.of(data) }
    return this.#last.verdict
  }

  /** The same, if need be with the value that says which message it is: a schema may have those of all of them. */
  named(message: Message, data: unknown): unknown {
    if (typeof data !== 'object' || data === null || this.#discriminator === undefined) return data
    const { key, byValue } = this.#discriminator
    const value = Object.hasOwn(data, key) ? (data as Record<string, unknown>)[key] : undefined
    if (!byValue.has(value) || byValue.get(value) === message) return data
    const own = [...byValue].find(([, each]) => each === message)
    return own ? { ...data, [key]: own[0] } : data
  }

  of(data: unknown): Verdict {
    const meant = this.#meant(data)
    if (meant) return { message: meant.message, issues: meant.check(data) }
    const tried = this.#candidates.map(({ message, check }) => ({ message, issues: check(data) }))
    const fits = tried.filter(({ issues }) => issues.length === 0)
    // What takes anything is meant only where nothing else is.
    const certain = fits.filter(({ message }) => !this.#isAnything.has(message))
    const [first, second] = certain
    if (first && second) this.#onAmbiguous(first.message, second.message)
    const chosen = first ?? fits[0]
    if (chosen) return chosen
    const stranger = this.#strangerIn(data)
    if (stranger) return stranger
    const [only] = tried
    if (only && tried.length === 1) return only
    const nearest = tried.toSorted((one, other) => one.issues.length - other.issues.length)[0]
    return { message: undefined, issues: nearest?.issues ?? [{ message: 'no message is described' }] }
  }

  /** Whose kind is none of those that there are: what the schema of another kind says of it helps nobody. */
  #strangerIn(data: unknown): Verdict | undefined {
    if (typeof data !== 'object' || data === null || this.#discriminator === undefined) return undefined
    const { key, byValue } = this.#discriminator
    if (!Object.hasOwn(data, key)) return undefined
    const value = (data as Record<string, unknown>)[key]
    // Of one kind its schema says the same, and names the message.
    if (byValue.size < 2 || byValue.has(value)) return undefined
    const known = [...byValue.keys()].map((each) => (typeof each === 'string' ? each : describe(each)))
    const message = `is none of ${shortList(known)}`
    return {
      message: undefined,
      issues: [{ message, path: [key] }],
      stranger: `${key} ${describe(value)} ${message}`,
    }
  }

  #meant(data: unknown): Candidate | undefined {
    if (typeof data !== 'object' || data === null || this.#discriminator === undefined) return undefined
    const { key, byValue } = this.#discriminator
    if (!Object.hasOwn(data, key)) return undefined
    const message = byValue.get((data as Record<string, unknown>)[key])
    return this.#candidates.find((candidate) => candidate.message === message)
  }
}

function isAnything({ kind, payload }: Message): boolean {
  const value = payload?.target.value
  return kind !== 'binary' && (typeof value !== 'object' || value === null || Object.keys(value).length === 0)
}

const isBytes = (value: unknown): boolean => value instanceof Uint8Array

function checkOf({ kind, payload }: Message, validation: Validation): Check {
  if (kind === 'binary') return (value) => (isBytes(value) ? [] : [{ message: 'has to be a binary message' }])
  let check: Check | undefined
  return (value) => {
    if (isBytes(value)) return [{ message: 'has to be a text message' }]
    check ??= validation.check(payload)
    // Text that looks like JSON has been parsed on its way.
    return check(kind === 'text' && typeof value !== 'string' ? JSON.stringify(value) : value)
  }
}
