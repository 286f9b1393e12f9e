import specifications from '@asyncapi/specs'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { type } from 'arktype'
import * as fc from 'fast-check'
import * as v from 'valibot'
import { afterEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { toAsyncApi } from '../../src/asyncapi/asyncapi.ts'
import { loadAsyncApi } from '../../src/asyncapi/load.ts'
import type { StandardSchema, UniversalApiWsHandler } from '../../src/index.ts'
import { assertPlatform } from '../contract/runtimes.ts'
import { endAll, Log } from './support.ts'

assertPlatform()
afterEach(endAll)

const ajv = new Ajv({ strict: false, allErrors: true, logger: false })
addFormats.default(ajv)
const validate = ajv.compile(specifications.schemasWithoutId['3.1.0'] as object)

/** A document, which is one by the schema of AsyncAPI, and what is said of it. */
function exported(
  handlers: readonly UniversalApiWsHandler[],
  about: object = {},
): { readonly document: any; readonly log: readonly string[] } {
  const logger = new Log()
  const document = toAsyncApi(handlers, { title: 'Test', version: '1.0.0', logger, ...about })
  expect(validate(document) ? [] : validate.errors).toEqual([])
  // Nothing in it is what JSON has no word for.
  expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  return { document, log: logger.lines.map((line) => line.replace('[sidewire] ', '')) }
}

const ZOD = {
  incoming: z.discriminatedUnion('type', [
    z.object({ type: z.literal('join'), room: z.string().min(1) }),
    z.object({ type: z.literal('say'), text: z.string(), loud: z.boolean().optional() }),
  ]),
  outgoing: z.object({ type: z.literal('said'), text: z.string() }),
}
const ARKTYPE = {
  incoming: type({ type: "'join'", room: 'string > 0' }).or({
    type: "'say'",
    text: 'string',
    'loud?': 'boolean',
  }),
  outgoing: type({ type: "'said'", text: 'string' }),
}

/** Messages, of which some fit and some nearly do. */
const MESSAGES = [
  { type: 'join', room: 'a' },
  { type: 'join', room: '' },
  { type: 'join' },
  { type: 'say', text: 'x' },
  { type: 'say', text: 'x', loud: true },
  { type: 'say', text: 1 },
  { type: 'said', text: 'x' },
  {},
]

const fits = (schema: StandardSchema | undefined, data: unknown): boolean =>
  (schema!['~standard'].validate(data) as { issues?: unknown }).issues === undefined

describe('C17: a handler, as a document, is the same mock', () => {
  test.each([
    ['zod', ZOD],
    ['arktype', ARKTYPE],
  ])('%s', (_vendor, schema) => {
    const { document, log } = exported([
      {
        pattern: '/chat/{room}',
        schema: schema as UniversalApiWsHandler['schema'] & object,
        docs: { summary: 'Rooms', tags: ['chat'], examples: { incoming: [{ type: 'join', room: 'a' }] } },
        scenario: { on: [{ when: 'x', reply: [{ wait: 1 }, { send: { type: 'said', text: 'static' } }] }] },
        subprotocols: ['v1'],
      },
    ])
    expect(log).toEqual([])
    expect(document.channels.chatRoom).toMatchObject({
      address: '/chat/{room}',
      summary: 'Rooms',
      tags: [{ name: 'chat' }],
      parameters: { room: {} },
      bindings: { ws: { headers: { properties: { 'Sec-WebSocket-Protocol': { enum: ['v1'] } } } } },
    })
    expect(Object.keys(document.components.messages).toSorted()).toEqual(['join', 'said', 'say'])
    expect(document.components.messages.join.examples).toEqual([{ payload: { type: 'join', room: 'a' } }])
    expect(document.components.messages.said.examples).toEqual([
      { payload: { type: 'said', text: 'static' } },
    ])
    const { handlers } = loadAsyncApi(document, { onInvalid: 'ignore' })
    const [mock] = handlers
    expect(mock).toMatchObject({ pattern: '/chat/{room}', docs: { summary: 'Rooms' } })
    for (const data of MESSAGES) {
      expect([data, fits(mock?.schema?.incoming, data)]).toEqual([
        data,
        fits(schema.incoming as StandardSchema, data),
      ])
      expect([data, fits(mock?.schema?.outgoing, data)]).toEqual([
        data,
        fits(schema.outgoing as StandardSchema, data),
      ])
    }
  })

  test('from either side', () => {
    for (const perspective of ['server', 'client'] as const) {
      const { document } = exported([{ pattern: '/a', schema: ZOD }], {
        perspective,
        url: 'wss://a.example:8443/api',
      })
      expect(document.servers).toEqual({ main: { host: 'a.example:8443', protocol: 'wss' } })
      const { made, perspective: read } = loadAsyncApi(document)
      expect(read.side).toBe(perspective)
      expect(
        made.map(({ handler, talk }) => [handler.pattern, talk.incoming.length, talk.outgoing.length]),
      ).toEqual([['/api/a', 2, 1]])
    }
  })

  /** Schemas of a few kinds, each with the values that are worth a try. */
  const field = fc.constantFrom<readonly [schema: z.ZodType, values: readonly unknown[]]>(
    [z.string(), ['a', 1]],
    [z.string().min(2).max(3), ['a', 'ab', 'abcd']],
    [z.number(), [1.5, '1', null]],
    [z.int().min(0), [0, -1, 1.5]],
    [z.boolean(), [true, 'true']],
    [z.array(z.string()), [[], ['a'], [1]]],
    [z.enum(['x', 'y']), ['x', 'z']],
    [z.string().nullable(), [null, 'a', 1]],
    [z.record(z.string(), z.number()), [{}, { a: 1 }, { a: 'b' }]],
    [z.object({ deep: z.literal(7) }), [{ deep: 7 }, { deep: 8 }, {}]],
  )
  const kind = fc.record({
    name: fc.constantFrom('join', 'say', 'leave', 'a/b', 'x.y', 'Größe'),
    fields: fc.dictionary(fc.constantFrom('a', 'b', 'id'), fc.tuple(field, fc.boolean()), { maxKeys: 3 }),
  })

  test('whatever the messages are', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(kind, { minLength: 1, maxLength: 4, selector: ({ name }) => name }),
        (kinds) => {
          const objects = kinds.map(({ name, fields }) =>
            z.strictObject({
              type: z.literal(name),
              ...Object.fromEntries(
                Object.entries(fields).map(([key, [[schema], isOptional]]) => [
                  key,
                  isOptional ? schema.optional() : schema,
                ]),
              ),
            }),
          )
          const incoming = z.union(objects as unknown as [z.ZodObject, z.ZodObject])
          const { document, log } = exported([{ pattern: '/a', schema: { incoming } }])
          expect(log).toEqual([])
          const { handlers } = loadAsyncApi(document, { onInvalid: 'ignore' })
          for (const { name, fields } of kinds)
            for (let pick = 0; pick < 3; pick++) {
              const values = Object.entries(fields).map(([key, [[, candidates]]]) => [
                key,
                candidates[pick % candidates.length],
              ])
              const data = { type: name, ...Object.fromEntries(values) }
              expect([data, fits(handlers[0]?.schema?.incoming, data)]).toEqual([
                data,
                incoming.safeParse(data).success,
              ])
            }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('C18: what cannot be said', () => {
  const outgoingOf = (
    outgoing: StandardSchema,
  ): { readonly payload: any; readonly log: readonly string[] } => {
    const { document, log } = exported([{ pattern: '/a', schema: { outgoing } }])
    return { payload: document.components.messages.aOutgoing?.payload, log }
  }

  test('dates, transforms and libraries without JSON schemas are anything, with a warning', () => {
    expect(outgoingOf(z.date())).toEqual({
      payload: {},
      log: [
        '/a: schema.outgoing cannot be said as a JSON schema, and anything fits: Date cannot be represented in JSON Schema',
      ],
    })
    expect(outgoingOf(z.string().transform(Number)).log).toEqual([
      '/a: schema.outgoing cannot be said as a JSON schema, and anything fits: Transforms cannot be represented in JSON Schema',
    ])
    expect(outgoingOf(v.object({ a: v.string() }))).toEqual({
      payload: {},
      log: [
        '/a: schema.outgoing is of valibot, which makes no JSON schema of it; anything fits; wrap it by toStandardJsonSchema of @valibot/to-json-schema',
      ],
    })
  })

  test('zod: only the fields that cannot be said are anything, and are named', () => {
    const { payload, log } = outgoingOf(
      z.object({ n: z.number(), at: z.date().optional(), list: z.array(z.object({ big: z.bigint() })) }),
    )
    expect(payload.properties).toMatchObject({
      n: { type: 'number' },
      at: {},
      list: { items: { properties: { big: {} } } },
    })
    expect(log).toEqual([
      '/a: schema.outgoing: "at" is of type date, of which there is no JSON schema; anything fits there',
      '/a: schema.outgoing: "list[].big" is of type bigint, of which there is no JSON schema; anything fits there',
    ])
  })

  test('a tuple has the form of draft-07', () => {
    const { payload, log } = outgoingOf(z.tuple([z.string(), z.number()]))
    expect([payload, log]).toEqual([
      expect.objectContaining({ type: 'array', items: [{ type: 'string' }, { type: 'number' }] }),
      [],
    ])
  })

  test('what contains itself is a schema of the document', () => {
    const tree = z.object({
      type: z.literal('tree'),
      get children() {
        return z.array(tree)
      },
    })
    const { document, log } = exported([{ pattern: '/a', schema: { incoming: tree, outgoing: tree } }])
    expect(log).toEqual([])
    expect(Object.keys(document.components.schemas).length).toBe(2)
    const { handlers } = loadAsyncApi(document, { onInvalid: 'ignore' })
    const leaf = { type: 'tree', children: [] }
    expect(fits(handlers[0]?.schema?.incoming, { type: 'tree', children: [leaf, leaf] })).toBe(true)
    expect(fits(handlers[0]?.schema?.incoming, { type: 'tree', children: [{ type: 'leaf' }] })).toBe(false)
  })

  test('a pattern that is no address', () => {
    const { document, log } = exported([
      { pattern: '/files/**' },
      { pattern: '/{kind:orders|trades}/{id:\\d+}' },
      { pattern: '/a?/*', disabled: true },
      { pattern: '/' },
    ])
    expect(
      Object.values<any>(document.channels).map(({ address, parameters }) => [address, parameters]),
    ).toEqual([
      ['/files/{any1}', { any1: {} }],
      ['/{kind}/{id}', { kind: { enum: ['orders', 'trades'] }, id: {} }],
      ['/', undefined],
    ])
    expect(log).toEqual([
      '/files/**: "**" becomes {any1}, because an address has no such thing',
      '/{kind:orders|trades}/{id:\\d+}: "{id:\\d+}" becomes {id}, because an address has no such thing',
    ])
  })

  test('the query is bound to WebSockets, and two patterns of one name are two channels', () => {
    const query = z.object({ token: z.string() })
    const { document } = exported([{ pattern: '/a/b', schema: { query } }, { pattern: '/aB' }])
    expect(document.channels.aB.bindings.ws.query).toMatchObject({ type: 'object', required: ['token'] })
    expect(document.channels.aB2.address).toBe('/aB')
    const { handlers } = loadAsyncApi(document)
    const checked = handlers.find(({ pattern }) => pattern === '/a/b')?.schema?.query
    expect([fits(checked, { token: 'x' }), fits(checked, {})]).toEqual([true, false])
  })

  test.each<[unknown, object, string]>([
    [{}, { title: 'a', version: '1' }, 'toAsyncApi() got {}; it has to be a list of handlers'],
    [[], { title: 'a' }, 'toAsyncApi() needs about.version, a text; it is undefined'],
    [
      [],
      { title: 'a', version: '1', url: 'localhost' },
      `about.url of toAsyncApi() is "localhost"; it has to be a URL such as 'ws://localhost:8787/api'`,
    ],
    [
      [],
      { title: 'a', version: '1', perspective: 'both' },
      `about.perspective of toAsyncApi() is "both"; it has to be 'server' or 'client'`,
    ],
  ])('%j, %j is refused', (handlers, about, message) => {
    expect(() => toAsyncApi(handlers as never, about as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', message }),
    )
  })
})
