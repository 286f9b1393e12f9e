import type { GenerateSyncOptions, JsonSchema } from 'json-schema-faker'
import { now } from '../engine/timers.ts'
import { inWords } from '../engine/schema/invalid-error.ts'
import type { Files } from './files.ts'
import type { Node } from './node.ts'
import type { Notes } from './notes.ts'
import type { Settings } from './options.ts'
import type { Peers } from './peers.ts'
import { hashOf } from '../faults/hash.ts'
import type { Validation } from './validation.ts'

/** From the most that a schema has to the least: what contains itself fits when its optional parts are left out. */
const ATTEMPTS: readonly GenerateSyncOptions[] = [
  { alwaysFakeOptionals: true, maxDepth: 8, useExamplesValue: true },
  { alwaysFakeOptionals: true, maxDepth: 8 },
  { optionalsProbability: 0.5, maxDepth: 8 },
  { optionalsProbability: 0.2, maxDepth: 16, maxDefaultItems: 1 },
  { optionalsProbability: 0, maxDepth: 32, maxDefaultItems: 0 },
]

/** A document with schemas that are a knot must not hold a start up. */
const MAX_MS = 2000

interface GenerationTools {
  readonly peers: Peers
  readonly files: Files
  readonly validation: Validation
  readonly notes: Notes
}

/** Makes values for schemas, the same ones each time. */
export class Generation {
  readonly #peers: Peers
  readonly #files: Files
  readonly #validation: Validation
  readonly #notes: Notes
  readonly #seed: number | string
  /** Whether what a schema has as example is used. */
  readonly #isShown: boolean
  #spentMs = 0

  constructor(
    { peers, files, validation, notes }: GenerationTools,
    { seed, samples }: Pick<Settings, 'seed' | 'samples'>,
  ) {
    this.#peers = peers
    this.#files = files
    this.#validation = validation
    this.#notes = notes
    this.#seed = seed
    this.#isShown = samples === 'examples'
  }

  /**
   * A value that fits, or else the best there is, which is said.
   * @param n - another one for each
   */
  make(schema: Node, n: number): unknown {
    const check = this.#validation.check(schema)
    // Which has been said.
    if (typeof schema.target.value !== 'object' || schema.target.value === null) return {}
    let best: { readonly value: unknown } | undefined
    let why = 'it took too long'
    for (const [index, attempt] of ATTEMPTS.entries()) {
      if (this.#spentMs > MAX_MS) break
      const began = now()
      try {
        const value = this.#generate(schema, attempt, hashOf(this.#seed, schema.pointer, n, index))
        const [issue] = check(value)
        if (!issue) return value
        best ??= { value }
        why = `what it asks for cannot be had all at once: ${inWords(issue)}`
      } catch (cause) {
        // What a generator stumbles over is each platform's own text.
        why =
          cause instanceof TypeError ? 'it is no schema' : (cause as Error).message.replaceAll(/\s+/g, ' ')
      } finally {
        this.#spentMs += now() - began
      }
    }
    this.#notes.warn(
      `${schema.where}: no sample fits this schema; ${best ? 'one that does not is sent' : '{} is sent'} (${why})`,
    )
    return best?.value ?? {}
  }

  /** Bytes, of which nobody knows what they are. */
  bytes(schema: Node | undefined, n: number): Buffer {
    const length = 32
    return Buffer.from(
      Array.from({ length }, (_, at) => hashOf(this.#seed, schema?.pointer ?? '', n, at) & 0xff),
    )
  }

  #generate(schema: Node, options: GenerateSyncOptions, seed: number): unknown {
    return this.#peers.generate(
      { $ref: schema.uri },
      {
        ...options,
        ...(!this.#isShown && { useExamplesValue: false }),
        seed,
        failOnInvalidTypes: false,
        // It takes the pointer by itself.
        refResolver: (uri) =>
          (this.#files.byUri.get(uri.slice(0, uri.indexOf('#')))?.value ?? {}) as JsonSchema,
      },
    )
  }
}
