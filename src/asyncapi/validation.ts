import type { Ajv, ErrorObject, ValidateFunction } from 'ajv'
import { keysOf } from '../documents/pointer.ts'
import { describe } from '../engine/errors.ts'
import { isObject } from '../engine/handler/option-error.ts'
import type { SchemaIssue } from '../engine/schema/standard-schema.ts'
import type { Files } from './files.ts'
import type { Node } from './node.ts'
import type { Notes } from './notes.ts'
import type { Peers } from './peers.ts'
import { shortList } from './short-list.ts'

/** What is wrong with a value; nothing, if it fits. */
export type Check = (value: unknown) => readonly SchemaIssue[]

const NUMBERS_AND_TEXTS =
  'int8 int16 int32 int64 uint8 uint16 uint32 uint64 float double decimal byte binary password'.split(' ')

const ANYTHING: Check = () => []

/** Holds values against schemas of a document. A schema is compiled when it is used for the first time. */
export class Validation {
  readonly #ajv: Ajv
  /** Changes a string to what the schema asks for: a query has nothing else. */
  readonly #coercing: () => Ajv
  readonly #notes: Notes
  readonly #known = new Map<string, Check>()
  /** Whose formats are told of. */
  #compiling: Node | undefined

  constructor(peers: Peers, files: Files, notes: Notes) {
    this.#notes = notes
    const create = (coerceTypes: false | 'array'): Ajv => {
      const ajv = peers.createAjv({
        // Half of the documents have keywords that no schema has.
        strict: false,
        allErrors: true,
        validateSchema: false,
        coerceTypes,
        useDefaults: coerceTypes !== false,
        logger: { ...console, warn: (text: string) => this.#unknownFormat(text), error: () => {} },
      })
      peers.addFormats(ajv, { mode: 'full' })
      // OpenAPI has names for how numbers are kept; a number is one all the same.
      for (const name of NUMBERS_AND_TEXTS) ajv.addFormat(name, true)
      for (const [uri, { value }] of files.byUri) if (isObject(value)) ajv.addSchema(withoutId(value), uri)
      return ajv
    }
    this.#ajv = create(false)
    let coercing: Ajv | undefined
    this.#coercing = () => (coercing ??= create('array'))
  }

  /** @param schema - `undefined` is anything */
  check(schema: Node | undefined): Check {
    return schema ? this.#checkBy(this.#ajv, schema, '') : ANYTHING
  }

  /** Of a query, an object of strings. */
  checkQuery(schema: Node): Check {
    const check = this.#checkBy(this.#coercing(), schema, 'query ')
    return (query) => check(structuredClone(query))
  }

  /** Of a part of a path, which is text: `7` is a number for a schema that asks for one. */
  checkText(schema: Node): (text: string) => boolean {
    const check = this.check(schema)
    return (text) => {
      const plain = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?)$/.test(text)
      return [text, ...(plain ? [JSON.parse(text) as unknown] : [])].some(
        (value) => check(value).length === 0,
      )
    }
  }

  #checkBy(ajv: Ajv, schema: Node, kind: string): Check {
    const key = kind + schema.uri
    const known = this.#known.get(key)
    if (known) return known
    const said = schema.target.value
    if (said === false || (said !== true && !isObject(said))) {
      this.#notes.warn(
        said === false
          ? `${schema.where}: no value fits the schema "false"; leave it out for any value`
          : `${schema.where}: a schema has to be an object, or true; this is ${describe(said)}, and anything fits`,
      )
      const check: Check = said === false ? () => [{ message: 'nothing fits the schema "false"' }] : ANYTHING
      this.#known.set(key, check)
      return check
    }
    let validate: ValidateFunction
    this.#compiling = schema
    try {
      validate = ajv.compile({ $ref: schema.uri })
    } catch (cause) {
      this.#notes.warn(
        `${schema.where}: this is no schema that can be checked, and anything fits: ${oneLine(cause)}`,
      )
      this.#known.set(key, ANYTHING)
      return ANYTHING
    }
    const check: Check = (value) => {
      try {
        return validate(value) ? [] : (validate.errors ?? []).map(issueOf)
      } catch (cause) {
        // A value that is nested as deep as the stack is fits nothing.
        if (cause instanceof RangeError) return [{ message: 'is nested too deeply' }]
        throw cause
      }
    }
    this.#known.set(key, check)
    return check
  }

  #unknownFormat(text: string): void {
    const [, name] = /^unknown format "(.+?)" ignored/.exec(text) ?? []
    if (name === undefined) return
    const place = this.#compiling && (formatIn(this.#compiling, name) ?? this.#compiling)
    this.#notes.warn(
      `${place ? `${place.where}: ` : ''}the format "${name}" is not known, and anything has it`,
    )
  }
}

/** The first place in a schema, and in what it refers to, where a format stands. */
function formatIn(schema: Node, name: string): Node | undefined {
  const seen = new Set<string>()
  const open = [schema.target]
  for (let node = open.shift(); node; node = open.shift()) {
    if (seen.has(node.uri)) continue
    seen.add(node.uri)
    if (node.text('format') === name) return node.get('format')
    open.push(...node.items().map(({ target }) => target), ...node.entries().map(([, { target }]) => target))
  }
  return undefined
}

/** Of the document, which a validator would take for that of a schema. */
function withoutId({ id, ...document }: Record<string, unknown>): object {
  return typeof id === 'string' ? document : { id, ...document }
}

function issueOf({ instancePath, message = 'does not fit', params }: ErrorObject): SchemaIssue {
  const { allowedValue, allowedValues } = params as { allowedValue?: unknown; allowedValues?: unknown }
  const wanted =
    allowedValue === undefined
      ? Array.isArray(allowedValues)
        ? `[${shortList(allowedValues.map(describe))}]`
        : undefined
      : JSON.stringify(allowedValue)
  return {
    message: wanted === undefined ? message : `${message}: ${wanted}`,
    path: keysOf(instancePath).map((key) => (/^\d+$/.test(key) ? Number(key) : key)),
  }
}

function oneLine(cause: unknown): string {
  return (cause as Error).message.replaceAll(/\s+/g, ' ').slice(0, 200)
}
