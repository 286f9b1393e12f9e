import { inWords } from '../engine/schema/invalid-error.ts'
import type { Message } from './api.ts'
import type { Generation } from './generation.ts'
import type { Node } from './node.ts'
import type { Notes } from './notes.ts'
import type { Validation } from './validation.ts'

/** So many are made of one message, and then the first comes again. */
const VARIETY = 10

const ERROR = /error|fail|invalid|reject|denied/i

/** Whether a name is one of something that went wrong. */
export function isError({ names }: Message): boolean {
  return names.some((name) => ERROR.test(name))
}

interface Prepared {
  readonly good: readonly unknown[]
  readonly bad: readonly unknown[]
}

/** What is sent for a message: the examples of the document, or what is made by its schema. */
export class Samples {
  readonly #generation: Generation
  readonly #validation: Validation
  readonly #notes: Notes
  readonly #isMade: boolean
  readonly #prepared = new Map<Message, Prepared>()
  readonly #made = new Map<Message, unknown[]>()

  /** @param isMade - examples are not looked at */
  constructor(generation: Generation, validation: Validation, notes: Notes, isMade: boolean) {
    this.#generation = generation
    this.#validation = validation
    this.#notes = notes
    this.#isMade = isMade
  }

  /** @param n - which time it is sent, from 1: examples take turns */
  of(message: Message, n: number): unknown {
    const { good, bad } = this.#prepare(message)
    const examples = good.length > 0 ? good : isError(message) ? bad : []
    return examples.length > 0 ? examples[(n - 1) % examples.length] : this.#make(message, n)
  }

  /** An example of what goes wrong: `{ status: 'error' }`. */
  errorOf(message: Message): unknown {
    return this.#prepare(message).bad[0]
  }

  /** Examples that do not fit are said, and sent all the same: they are what the author shows. */
  #prepare(message: Message): Prepared {
    const known = this.#prepared.get(message)
    if (known) return known
    const { examples, payload } = message
    const schemas = examples.length > 0 ? [] : examplesIn(payload)
    const all = this.#isMade ? [] : [...examples, ...schemas.map((node) => ({ text: '', payload: node }))]
    const check = this.#validation.check(message.kind === 'binary' ? undefined : payload)
    const prepared: { good: unknown[]; bad: unknown[] } = { good: [], bad: [] }
    for (const example of all) {
      const [issue] = check(example.payload.value)
      if (issue)
        this.#notes.warn(
          `${example.payload.where}: this example of "${message.name}" does not fit its own schema, and is sent all the same: ` +
            inWords(issue),
        )
      const isBad = ERROR.test(example.text) || looksLikeError(example.payload.value)
      prepared[isBad ? 'bad' : 'good'].push(asSent(message, example.payload.value))
    }
    this.#prepared.set(message, prepared)
    return prepared
  }

  #make(message: Message, n: number): unknown {
    const made = this.#made.get(message) ?? []
    this.#made.set(message, made)
    const at = (n - 1) % VARIETY
    made[at] ??=
      message.kind === 'binary'
        ? this.#generation.bytes(message.payload, at)
        : message.payload === undefined
          ? {}
          : asSent(message, this.#generation.make(message.payload, at))
    return made[at]
  }
}

/** Of the schema itself, which has a list, or one. */
function examplesIn(payload: Node | undefined): readonly Node[] {
  const one = payload?.get('example')
  return one ? [one] : (payload?.get('examples')?.items() ?? [])
}

function looksLikeError(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([key, each]) =>
      (/^(?:error|errorMessage|errors)$/i.test(key) && each !== null && each !== false) ||
      (/^(?:status|type|event|kind)$/i.test(key) && typeof each === 'string' && ERROR.test(each)),
  )
}

function asSent({ kind }: Message, value: unknown): unknown {
  if (kind === 'text') return typeof value === 'string' ? value : JSON.stringify(value)
  if (kind === 'binary' && typeof value === 'string')
    return Buffer.from(
      value,
      /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(value) ? 'base64' : 'utf8',
    )
  return value
}
