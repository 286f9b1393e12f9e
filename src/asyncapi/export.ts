import { describe, SidewireError } from '../engine/errors.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { createLogger, type Logger } from '../engine/logger.ts'
import type { StandardSchema } from '../engine/schema/standard-schema.ts'
import { addressOf } from './addresses.ts'
import {
  definitionsOf,
  formsOf,
  jsonSchemaOf,
  lenientJsonSchemaOf,
  kindsOf,
  refersToRoot,
  relocated,
  type JsonSchema,
} from './json-schema.ts'
import { Notes, type Note } from './notes.ts'
import { staticSendsOf } from './static-sends.ts'

/** What a document says of itself. */
export interface AsyncApiAbout {
  title: string
  /** Of the API. */
  version: string
  description?: string
  /** Where the server is, such as `'ws://localhost:8787/api'`; its path is put before those of the handlers. @defaultValue none */
  url?: string
  /** Whom the document describes. @defaultValue 'server' */
  perspective?: 'server' | 'client'
  /** Who is told of what a document cannot say. @defaultValue console */
  logger?: Logger
}

/**
 * An AsyncAPI 3.1 document of handlers with a `schema`: a channel for each pattern, a message for each kind of message. What cannot be
 * said in one is logged.
 * @throws `ERR_OPTION`
 */
export function toAsyncApi(
  handlers: readonly UniversalApiWsHandler[],
  about: AsyncApiAbout,
): Record<string, unknown> {
  const { document, notes } = exportAsyncApi(handlers, about)
  const logger = createLogger('info', about.logger)
  for (const { level, text } of notes) logger[level](text)
  return document
}

/** The same, with what there is to say of it, for who prints it. */
export function exportAsyncApi(
  handlers: readonly UniversalApiWsHandler[],
  about: AsyncApiAbout,
): { readonly document: Record<string, unknown>; readonly notes: readonly Note[] } {
  assertAbout(handlers, about)
  const { title, version, description, url, perspective = 'server' } = about
  const notes = new Notes()
  const base = url === undefined ? undefined : urlOf(url)
  const draft = new Draft(notes, perspective, (base?.pathname ?? '/').replace(/\/$/, ''))
  for (const handler of handlers) if (!handler.disabled) draft.add(handler)
  return {
    document: {
      asyncapi: '3.1.0',
      info: { title, version, ...(description !== undefined && { description }) },
      'x-sidewire-perspective': perspective,
      defaultContentType: 'application/json',
      ...(base && { servers: { main: { host: base.host, protocol: base.protocol.replace(':', '') } } }),
      channels: draft.channels,
      operations: draft.operations,
      components: {
        messages: draft.messages,
        ...(Object.keys(draft.schemas).length > 0 && { schemas: draft.schemas }),
      },
    },
    notes: notes.all,
  }
}

function assertAbout(handlers: readonly UniversalApiWsHandler[], about: AsyncApiAbout): void {
  if (!Array.isArray(handlers))
    throw new SidewireError(
      'ERR_OPTION',
      `toAsyncApi() got ${describe(handlers)}; it has to be a list of handlers`,
    )
  for (const name of ['title', 'version'] as const)
    if (typeof about?.[name] !== 'string')
      throw new SidewireError(
        'ERR_OPTION',
        `toAsyncApi() needs about.${name}, a text; it is ${describe(about?.[name])}`,
      )
  const { perspective } = about
  if (perspective !== undefined && perspective !== 'server' && perspective !== 'client')
    throw new SidewireError(
      'ERR_OPTION',
      `about.perspective of toAsyncApi() is ${describe(perspective)}; it has to be 'server' or 'client'`,
    )
}

function urlOf(url: string): URL {
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return new URL(url)
  throw new SidewireError(
    'ERR_OPTION',
    `about.url of toAsyncApi() is ${describe(url)}; it has to be a URL such as 'ws://localhost:8787/api'`,
  )
}

/** Of libraries whose JSON schemas are in a package of their own. */
const CURES: Readonly<Record<string, string>> = {
  valibot: '; wrap it by toStandardJsonSchema of @valibot/to-json-schema',
}

type Direction = 'incoming' | 'outgoing'

interface Ref {
  readonly $ref: string
}

/** A document as it grows. */
class Draft {
  readonly channels: Record<string, unknown> = {}
  readonly operations: Record<string, unknown> = {}
  readonly messages: Record<string, unknown> = {}
  readonly schemas: Record<string, unknown> = {}
  readonly #notes: Notes
  readonly #perspective: 'server' | 'client'
  readonly #prefix: string

  constructor(notes: Notes, perspective: 'server' | 'client', prefix: string) {
    this.#notes = notes
    this.#perspective = perspective
    this.#prefix = prefix
  }

  add(handler: UniversalApiWsHandler): void {
    const { pattern, prefix = true, docs = {}, schema = {}, subprotocols = [] } = handler
    const { address, parameters } = addressOf(pattern, this.#notes)
    const id = freeName(identifier(pattern) || 'root', this.channels)
    const query = schema.query && this.#jsonSchema(schema.query, 'input', `${pattern}: its query`)
    const bindings = {
      ...(query && { query: this.#placed(query, `${id}Query`) }),
      ...(subprotocols.length > 0 && {
        headers: {
          type: 'object',
          properties: { 'Sec-WebSocket-Protocol': { type: 'string', enum: subprotocols } },
        },
      }),
    }
    const incoming = this.#messagesOf(handler, 'incoming', id)
    const outgoing = this.#messagesOf(handler, 'outgoing', id)
    const { summary, description, tags } = docs
    this.channels[id] = {
      address: (prefix ? this.#prefix : '') + address,
      ...(summary !== undefined && { summary }),
      ...(description !== undefined && { description }),
      ...(tags && { tags: tags.map((name) => ({ name })) }),
      messages: Object.fromEntries(
        [...incoming, ...outgoing].map((name) => [name, ref('components', 'messages', name)]),
      ),
      ...(Object.keys(parameters).length > 0 && { parameters }),
      ...(Object.keys(bindings).length > 0 && { bindings: { ws: { ...bindings, bindingVersion: '0.1.0' } } }),
    }
    this.#operate(id, 'incoming', incoming)
    this.#operate(id, 'outgoing', outgoing)
  }

  /** What an application does with messages depends on which side it is. */
  #operate(channel: string, direction: Direction, messages: readonly string[]): void {
    if (messages.length === 0) return
    const receives = (direction === 'incoming') === (this.#perspective === 'server')
    this.operations[`${receives ? 'receive' : 'send'}${capital(channel)}`] = {
      action: receives ? 'receive' : 'send',
      channel: ref('channels', channel),
      messages: messages.map((name) => ref('channels', channel, 'messages', name)),
    }
  }

  /** @returns the names of the messages */
  #messagesOf(handler: UniversalApiWsHandler, direction: Direction, channel: string): readonly string[] {
    const { pattern, docs, scenario } = handler
    const schema = handler.schema?.[direction]
    if (!schema) return []
    const side = direction === 'incoming' ? 'input' : 'output'
    const json = this.#jsonSchema(schema, side, `${pattern}: schema.${direction}`)
    const forms = json ? formsOf(json) : []
    const kinds = kindsOf(forms)
    const examples = [
      ...(docs?.examples?.[direction] ?? []),
      ...(direction === 'outgoing' && scenario ? staticSendsOf(scenario) : []),
    ]
    const whole = `${channel}${capital(direction)}`
    if (!json || !kinds) {
      const name = freeName(whole, this.messages)
      this.messages[name] = { name, payload: json ? this.#placed(json, name) : {}, ...shown(examples) }
      return [name]
    }
    const place = this.#place(json, whole)
    return forms.map((form, index) => {
      const kind = kinds[index] ?? ''
      const name = freeName(identifier(kind) || `${whole}${index + 1}`, this.messages)
      const own = examples.filter((example) => hasValue(example, kind))
      this.messages[name] = { name: kind, payload: relocated(form, place), ...shown(own) }
      return name
    })
  }

  #jsonSchema(schema: StandardSchema, side: 'input' | 'output', what: string): JsonSchema | undefined {
    const { vendor } = schema['~standard']
    try {
      const json = jsonSchemaOf(schema, side)
      if (!json)
        this.#notes.warn(
          `${what} is of ${vendor}, which makes no JSON schema of it; anything fits${CURES[vendor] ?? ''}`,
        )
      return json
    } catch (cause) {
      const json = lenientJsonSchemaOf(schema, side, (field, type) =>
        this.#notes.warn(
          `${what}: "${field}" is of type ${type}, of which there is no JSON schema; anything fits there`,
        ),
      )
      if (json) return json
      this.#notes.warn(
        `${what} cannot be said as a JSON schema, and anything fits: ${(cause as Error).message.split('\n', 1)[0]}`,
      )
      return undefined
    }
  }

  #placed(schema: JsonSchema, name: string): unknown {
    return relocated(schema, this.#place(schema, name))
  }

  /** Puts what a schema refers to where a document has it. @returns where that is */
  #place(schema: JsonSchema, name: string): (definition: string | undefined) => string {
    const names = new Map<string | undefined, string>()
    const place = (definition: string | undefined): string =>
      `/components/schemas/${names.get(definition) ?? name}`
    const add = (definition: string | undefined, wanted: string, value: unknown): (() => void) => {
      const free = freeName(wanted, this.schemas)
      names.set(definition, free)
      this.schemas[free] = {}
      return () => (this.schemas[free] = relocated(value, place))
    }
    const parts = definitionsOf(schema).map(([key, value]) => add(key, `${name}.${identifier(key)}`, value))
    if (refersToRoot(schema)) parts.push(add(undefined, name, schema))
    // Not before each of them has its place: they refer to one another.
    for (const fill of parts) fill()
    return place
  }
}

function ref(...keys: readonly string[]): Ref {
  return { $ref: `#/${keys.join('/')}` }
}

function shown(examples: readonly unknown[]): { examples?: readonly unknown[] } {
  return examples.length === 0 ? {} : { examples: examples.map((payload) => ({ payload })) }
}

function hasValue(example: unknown, kind: string): boolean {
  return typeof example === 'object' && example !== null && Object.values(example).includes(kind)
}

/** `/ws/chat/{room}` is `wsChatRoom`: what a key may be, and code that is made of it. */
function identifier(text: string): string {
  const [first = '', ...others] = text.replaceAll(/:[^/]*\}/g, '}').match(/[A-Za-z\d]+/g) ?? []
  return first + others.map(capital).join('')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function freeName(wanted: string, taken: object): string {
  let name = wanted
  for (let n = 2; Object.hasOwn(taken, name); n++) name = `${wanted}${n}`
  return name
}
