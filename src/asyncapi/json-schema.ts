import { isObject } from '../engine/handler/option-error.ts'
import type { StandardSchema } from '../engine/schema/standard-schema.ts'
import { keysOf, pointerOf } from '../documents/pointer.ts'

/** A schema as JSON has it. */
export type JsonSchema = { readonly [key: string]: unknown }

/** Standard JSON Schema 1.1, https://standardschema.dev: what zod, arktype and others have beside `validate`. */
interface WithJsonSchema {
  readonly jsonSchema?: Readonly<
    Record<
      'input' | 'output',
      (options: {
        readonly target: string
        readonly libraryOptions?: Readonly<Record<string, unknown>>
      }) => Record<string, unknown>
    >
  >
}

/**
 * A schema in JSON; `undefined` where its library makes none. What a client sends is the input of a schema, what it gets is the output.
 * @throws what the library throws for what JSON Schema cannot say
 */
export function jsonSchemaOf(schema: StandardSchema, side: 'input' | 'output'): JsonSchema | undefined {
  const standard = schema['~standard'] as WithJsonSchema
  return standard.jsonSchema?.[side]({ target: 'draft-07' })
}

/** What zod has, and JSON Schema has no word for. */
const UNSAYABLE = new Set(
  'date bigint symbol undefined void nan custom function transform map set'.split(' '),
)

/** What zod tells of each schema as it goes. */
interface Override {
  readonly zodSchema: { readonly def: { readonly type: string } }
  readonly jsonSchema: object
  readonly path: readonly (string | number)[]
}

/**
 * The same, where only the fields that cannot be said are anything; `undefined` where the library has no such thing.
 * @param onField - told of each of them, and of its type
 */
export function lenientJsonSchemaOf(
  schema: StandardSchema,
  side: 'input' | 'output',
  onField: (field: string, type: string) => void,
): JsonSchema | undefined {
  const standard = schema['~standard'] as WithJsonSchema & { readonly vendor: string }
  if (standard.vendor !== 'zod') return undefined
  const fields = new Map<string, string>()
  const json = standard.jsonSchema?.[side]({
    target: 'draft-07',
    libraryOptions: {
      unrepresentable: 'any',
      override({ zodSchema, jsonSchema, path }: Override) {
        const { type } = zodSchema.def
        if (UNSAYABLE.has(type) && Object.keys(jsonSchema).length === 0) fields.set(fieldOf(path), type)
      },
    },
  })
  // Of the whole nothing is left, or it is not known what is missing.
  if (fields.size === 0 || fields.has('')) return undefined
  for (const [field, type] of [...fields].toReversed()) onField(field, type)
  return json
}

/** `['properties', 'list', 'items', 'properties', 'at']` is `list[].at`. */
function fieldOf(path: readonly (string | number)[]): string {
  let field = ''
  for (let i = 0; i < path.length; i++) {
    if (path[i] === 'properties') field += `${field === '' ? '' : '.'}${path[++i]}`
    else if (path[i] === 'items') field += '[]'
    else if (path[i] === 'additionalProperties') field += '.*'
  }
  return field
}

/** The forms of a schema, if it is one of several; otherwise itself. */
export function formsOf(schema: JsonSchema): readonly JsonSchema[] {
  const list = schema['anyOf'] ?? schema['oneOf']
  return Array.isArray(list) && list.every(isObject) ? list : [schema]
}

/** The value that each of the forms has in one member, all of them different: `type` for most. */
export function kindsOf(forms: readonly JsonSchema[]): readonly string[] | undefined {
  const [first, ...others] = forms.map(constantsOf)
  for (const key of first?.keys() ?? []) {
    const kinds = [first, ...others].map((constants) => constants?.get(key))
    if (new Set(kinds).size === forms.length && kinds.every((kind) => kind !== undefined)) return kinds
  }
  return undefined
}

function constantsOf({ properties }: JsonSchema): ReadonlyMap<string, string> {
  if (!isObject(properties)) return new Map()
  return new Map(
    Object.entries(properties).flatMap(([key, property]) => {
      if (!isObject(property)) return []
      const list = property['enum']
      const value =
        property['const'] ?? (Array.isArray(list) && list.length === 1 ? (list[0] as unknown) : undefined)
      return typeof value === 'string' ? [[key, value] as const] : []
    }),
  )
}

/**
 * The same schema, whose definitions stand at another place: within a document a pointer begins at the document.
 * @param place - where what `#` and what each definition meant stands now
 */
export function relocated(schema: unknown, place: (definition: string | undefined) => string): unknown {
  if (Array.isArray(schema)) return schema.map((each) => relocated(each, place))
  if (!isObject(schema)) return schema
  const entries = Object.entries(schema).flatMap(([key, value]) => {
    if (DEFINITIONS.includes(key) && isObject(value)) return []
    // Of the whole, which is a part now.
    if (key === '$schema' || (key === '$id' && typeof value === 'string')) return []
    if (key !== '$ref' || typeof value !== 'string') return [[key, relocated(value, place)] as const]
    const [word, definition, ...rest] = keysOf(value.slice(1))
    const isDefinition = word !== undefined && DEFINITIONS.includes(word)
    const keys = isDefinition ? rest : word === undefined ? [] : [word, definition ?? '', ...rest]
    return [[key, `#${place(isDefinition ? definition : undefined)}${pointerOf(keys)}`] as const]
  })
  return Object.fromEntries(entries)
}

const DEFINITIONS = ['definitions', '$defs']

/** By their names. */
export function definitionsOf(schema: JsonSchema): readonly (readonly [name: string, schema: unknown])[] {
  return DEFINITIONS.flatMap((word) => {
    const definitions = schema[word]
    return isObject(definitions) ? Object.entries(definitions) : []
  })
}

/** Whether something in it refers to the whole. */
export function refersToRoot(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.some(refersToRoot)
  if (!isObject(schema)) return false
  const ref = schema['$ref']
  if (typeof ref === 'string' && !/^#\/(?:definitions|\$defs)\//.test(ref)) return true
  return Object.values(schema).some(refersToRoot)
}
