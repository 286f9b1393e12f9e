import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { fromAsyncApi } from '../../src/asyncapi/asyncapi.ts'
import { loadAsyncApi } from '../../src/asyncapi/load.ts'
import type { AsyncApiOptions } from '../../src/asyncapi/options.ts'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { endAll, folderOf, Log, mockOf, ref, small, typed } from './support.ts'

// What a stranger found when using it for real.

assertPlatform()
afterEach(endAll)

const HEAD = 'asyncapi: 3.1.0\ninfo: { title: Server, version: 1.0.0 }\n'

/** What a file with this text says, as an error or as warnings, without the folder that it is in. */
function saidOf(text: string, options: AsyncApiOptions = {}): readonly string[] {
  const folder = folderOf({ 'api.yaml': text })
  const short = (line: string): string => line.replaceAll(`${folder}/`, '')
  try {
    const { notes } = loadAsyncApi(join(folder, 'api.yaml'), options)
    return notes.filter(({ level }) => level === 'warn').map((note) => short(note.text))
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    return [`${code}: ${short(message)}`]
  }
}

const at = (address: string): string =>
  `${HEAD}channels:\n  a:\n    address: '${address}'\n    messages: { m: { payload: { type: string } } }\noperations: { say: { action: send, channel: { $ref: '#/channels/a' } } }\n`

describe('an address that is no pattern is refused with its line', () => {
  test.each([
    ['/../up', 'a "." or ".." segment, which clients resolve before they ask'],
    ['/un{closed', 'a "{" without its "}"; a parameter is {name} or {name:regex}'],
    ['/{a}/{a}', 'the parameter "a" twice; each needs a name of its own'],
    ['/:id', '":id", which is read as it stands; a parameter is {id}'],
    ['/{id?}', '"{id?}", and a parameter is a name in braces: letters, digits and _'],
    ['/{id:[ab]+}', '"{id:[ab]+}", and a parameter is a name in braces: letters, digits and _'],
    ['/files/*', 'a "*", which an address has no use for, and a pattern takes for any text'],
    ['/files/**', 'a "*", which an address has no use for, and a pattern takes for any text'],
  ])('%s', (address, what) => {
    expect(saidOf(at(address))).toEqual([
      `ERR_ASYNCAPI: api.yaml:5 (#/channels/a/address): the address "${address}" of the channel "a" makes the pattern "${address}", which has ${what}; ` +
        `change the address, or give the channel a pattern: patterns: { "a": '/...' }`,
    ])
    expect(saidOf(at(address), { patterns: { a: '/a/**' } })).toEqual([])
  })

  test('/{order-id}/{order_id}, which is one name twice', () => {
    expect(saidOf(at('/{order-id}/{order_id}'))).toEqual([
      expect.stringContaining('the parameter "order_id" twice; each needs a name of its own'),
    ])
  })

  test('a pattern of the user is one of the options', () => {
    expect(saidOf(at('/a'), { patterns: { a: '/{x}/{x}' } })).toEqual([
      'ERR_OPTION: option "patterns" of fromAsyncApi() has "/{x}/{x}" for "a", which has the parameter "x" twice; each needs a name of its own',
    ])
  })

  test('a "?" is no wildcard: what stands behind it is left out, which is said if it is no query', () => {
    expect(saidOf(at('/a?token={token}'))).toEqual([])
    expect(saidOf(at('/a?b'))).toEqual([
      'api.yaml:5 (#/channels/a/address): "?b" is left out of the address: a path ends at "?"; what is asked of a query stands in bindings.ws.query',
    ])
  })
})

describe('what would be left out in silence', () => {
  test('keys that are near to one of the specification, and a channel on which nothing is said', () => {
    const text = `asyncapi: 3.1.0
inof: { title: A, version: 1.0.0 }
channels:
  a:
    addres: /a
    mesages: { m: { payload: { type: string } } }
  b:
    address: /b
    messages: { m: { paylod: { type: string }, x-payloads: 1 } }
`
    expect(saidOf(text)).toEqual([
      'api.yaml:2 (#/inof): "inof" is no key of an AsyncAPI document, and is left out; did you mean "info"?',
      'api.yaml:1 (#): "info" is missing, which a document has to have: info: { title: ..., version: 1.0.0 }',
      'api.yaml:5 (#/channels/a/addres): "addres" is no key of a channel, and is left out; did you mean "address"?',
      'api.yaml:6 (#/channels/a/mesages): "mesages" is no key of a channel, and is left out; did you mean "messages"?',
      'api.yaml:9 (#/channels/b/messages/m/paylod): "paylod" is no key of a message, and is left out; did you mean "payload"?',
      'api.yaml:4 (#/channels/a): the channel "a" has no messages and no operation; clients can connect, and nothing is said',
      'api.yaml:7 (#/channels/b): the channel "b" has messages, but no operation that sends or receives them; clients can connect, and nothing is said',
    ])
  })

  test('an operation without its action', () => {
    const text = `${HEAD}channels: { a: { address: /a } }\noperations:\n  x: { acton: send, channel: { $ref: '#/channels/a' } }\n`
    expect(saidOf(text)).toEqual([
      'ERR_ASYNCAPI: api.yaml:5 (#/operations/x): an operation has to have the action "send" or "receive"; did you mean "action", where "acton" stands?',
    ])
  })

  test('a server that is none of WebSockets, asked for by its name', () => {
    const text = `${HEAD}servers:\n  main: { host: a, protocol: ws }\n  events: { host: b, protocol: kafka }\nchannels: { a: { address: /a } }\n`
    expect(saidOf(text, { server: 'events' })).toEqual([
      'ERR_ASYNCAPI: api.yaml:5 (#/servers/events): the server "events" speaks kafka, and no WebSockets; ask for main',
    ])
  })

  test('a payload that is no schema, and a format that nobody knows', () => {
    const payload = (schema: string): string => at('/a').replace('{ type: string }', schema)
    const place = 'api.yaml:6 (#/channels/a/messages/m/payload'
    expect(saidOf(payload('false'))).toEqual([
      `${place}): no value fits the schema "false"; leave it out for any value`,
    ])
    expect(saidOf(payload('7'))).toEqual([
      `${place}): a schema has to be an object, or true; this is 7, and anything fits`,
    ])
    expect(saidOf(payload('{ type: array, items: { type: string, format: flurb } }'))).toEqual([
      `${place}/items/format): the format "flurb" is not known, and anything has it`,
    ])
  })
})

test('a huge enum is cut', () => {
  const values = Array.from({ length: 500 }, (_, index) => index)
  const document = small(
    { m: typed('m', { n: { enum: values } }) },
    { get: { action: 'send', messages: [ref('m')] } },
  )
  expect(
    loadAsyncApi(document).handlers[0]?.schema?.outgoing?.['~standard'].validate({ type: 'm', n: -1 }),
  ).toMatchObject({
    issues: [
      {
        message: 'must be equal to one of the allowed values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 490 more]',
      },
    ],
  })
})

describe('sources', () => {
  const error = (source: unknown, options?: object): unknown => {
    try {
      return fromAsyncApi(source as string, { logger: new Log(), ...options }).map(({ pattern }) => pattern)
    } catch (cause) {
      const { code, message } = cause as { code?: string; message: string }
      return `${code}: ${message}`
    }
  }

  test('a URL may be text: of a file, and of nothing else', () => {
    const folder = folderOf({ 'api.yaml': at('/a') })
    expect(error(pathToFileURL(join(folder, 'api.yaml')).href)).toEqual(['/a'])
    expect(error('https://a.example/api.yaml')).toBe(
      'ERR_ASYNCAPI: cannot read https://a.example/api.yaml: nothing is read from the network; save it, or give the parsed document',
    )
  })

  test('a parsed document has no folder', () => {
    const document = small({ m: { $ref: './b.yaml#/m' } }, {})
    expect(error(document)).toBe(
      'ERR_ASYNCAPI: the document (#/channels/main/messages/m/$ref) refers to b.yaml, and a parsed document has no folder in which that could be; give the path of its file',
    )
    expect(error(Promise.resolve(document))).toBe(
      'ERR_OPTION: fromAsyncApi() got a promise; await it, and give the parsed document',
    )
  })

  test('types: a list and a promise are no documents', () => {
    // @ts-expect-error a list
    expect(() => fromAsyncApi([{ asyncapi: '3.1.0' }])).toThrow('it has to be the path of a file')
    // @ts-expect-error a promise
    expect(() => fromAsyncApi(Promise.resolve({ asyncapi: '3.1.0' }))).toThrow('await it')
  })

  test('code is no document', () => {
    expect(error('sidewire.config.ts')).toBe(
      'ERR_ASYNCAPI: sidewire.config.ts is code, and what is wanted is an AsyncAPI document, .yaml or .json; `sidewire asyncapi export` writes one of a config',
    )
  })

  test('logger and adapt', () => {
    const one = small({ hello: typed('hello') }, { say: { action: 'send' } })
    expect(error(one, { logger: {} })).toBe(
      'ERR_OPTION: option "logger" of fromAsyncApi() is {}; it has to be an object with the methods error, warn, info and debug',
    )
    expect(error(one, { adapt: () => 5 })).toBe(
      'ERR_OPTION: option "adapt" of fromAsyncApi() returned 5 for "/"; it has to return a handler, or undefined to leave it out',
    )
    expect(error(one, { adapt: async (handler: object) => handler })).toBe(
      'ERR_OPTION: option "adapt" of fromAsyncApi() returned a promise for "/"; it has to return a handler, or undefined to leave it out',
    )
  })

  test('what is said while it serves is said as its logger says it', async () => {
    const document = small(
      { bad: { payload: { type: 'object', required: ['a'], properties: { a: false } } } },
      { say: { action: 'send' } },
    )
    const log = new Log()
    const { handlers } = loadAsyncApi(document, { logger: log }, { limit: 0 })
    const [greeting] = handlers[0]!.scenario!.connect as { send(): unknown }[]
    greeting?.send()
    expect(log.lines).toEqual([
      expect.stringMatching(/^the document \(#\/channels\/main\/messages\/bad\/payload\): no/),
    ])
  })
})

describe.each(NETWORK_RUNTIMES)('on %s', (runtime) => {
  const orders = small(
    {
      placeOrder: typed2('placeOrder'),
      cancelOrder: typed2('cancelOrder'),
      getPositions: typed2('getPositions'),
    },
    { get: { action: 'receive', messages: ['placeOrder', 'cancelOrder', 'getPositions'].map(ref) } },
    { 'x-sidewire-perspective': 'server' },
  )

  test('a kind that there is none of is said as such, and how many messages did not fit', async () => {
    const { connect, log } = await mockOf(runtime, orders)
    const client = await connect('/')
    for (let n = 0; n < 5; n++) client.json({ op: 'nope', n })
    await expect
      .poll(() => log.lines, { timeout: 10_000 })
      .toEqual([
        '[sidewire] /: a message does not fit: op "nope" is none of placeOrder, cancelOrder, getPositions',
        '[sidewire] /: a message does not fit: op "nope" is none of placeOrder, cancelOrder, getPositions (and 3 more since the last line)',
      ])
    const closing = await mockOf(runtime, orders, { onInvalid: 'close' })
    const other = await closing.connect('/')
    other.json({ op: 'nope' })
    expect((await other.closed).reason).toBe(
      'invalid message: op: is none of placeOrder, cancelOrder, getPositions',
    )
  })

  test('push: { every } begins with what the greeting has not said', async () => {
    const document = small(
      {
        tick: {
          ...typed('tick', { n: { type: 'integer' } }),
          examples: [{ payload: { type: 'tick', n: 1 } }, { payload: { type: 'tick', n: 2 } }],
        },
      },
      { tell: { action: 'send' } },
    )
    const { connect, server } = await mockOf(runtime, document, { push: { every: 100 } })
    const client = await connect('/')
    expect(await client.next()).toEqual({ type: 'tick', n: 1 })
    await server.clock.advance(200)
    expect([await client.next(), await client.next()]).toEqual([
      { type: 'tick', n: 2 },
      { type: 'tick', n: 1 },
    ])
  })

  test('2.x: a parameter is what its schema says', async () => {
    const schemas = {
      id: { type: 'integer', minimum: 1 },
      market: { type: 'string', enum: ['eu', 'us'] },
      code: { type: 'string', pattern: '^[0-9]{3}$' },
    }
    const document = {
      asyncapi: '2.6.0',
      info: { title: 'Server', version: '1.0.0' },
      channels: {
        '/{market}/{id}/{code}': {
          parameters: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, { schema }])),
          subscribe: { message: typed('hello') },
        },
      },
    }
    const { connect } = await mockOf(runtime, document)
    expect(await (await connect('/eu/7/007')).next()).toEqual({ type: 'hello' })
    for (const path of ['/mars/7/007', '/eu/x/007', '/eu/0/007', '/eu/7/abc'])
      await expect(connect(path)).rejects.toThrow('404')
  })

  test('a name that comes twice in a query is 400, unless it is a list', async () => {
    const document = small({ hello: typed('hello') }, { say: { action: 'send' } }) as {
      channels: { main: object }
    }
    const query = {
      type: 'object',
      properties: { limit: { type: 'integer' }, tag: { type: 'array', items: { type: 'string' } } },
    }
    Object.assign(document.channels.main, { bindings: { ws: { query } } })
    const { connect } = await mockOf(runtime, document)
    expect(await (await connect('/?limit=1&tag=a&tag=b&other=1&other=2')).next()).toEqual({ type: 'hello' })
    await expect(connect('/?limit=1&limit=2')).rejects.toThrow('400')
  })
})

function typed2(op: string): { payload: object } {
  return { payload: { type: 'object', required: ['op'], properties: { op: { const: op } } } }
}
