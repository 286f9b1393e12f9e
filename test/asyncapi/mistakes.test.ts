import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { createServer } from '../../src/index.ts'
import { fromAsyncApi } from '../../src/asyncapi/asyncapi.ts'
import { hearReads } from '../../src/documents/reads.ts'
import { loadAsyncApi } from '../../src/asyncapi/load.ts'
import { readDocument } from '../../src/documents/document.ts'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { connectWs } from '../support/client.ts'
import { pathOf, endAll, folderOf, Log, ref, small, typed } from './support.ts'

assertPlatform()
afterEach(endAll)

const HEAD = 'asyncapi: 3.1.0\ninfo: { title: A, version: 1.0.0 }\n'

/** What a file with this text is refused with, without the folder that it is in. */
function refusal(text: string, more: Readonly<Record<string, string>> = {}, options: object = {}): string {
  const folder = folderOf({ 'api.yaml': text, ...more })
  try {
    loadAsyncApi(join(folder, 'api.yaml'), options)
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    return `${code}: ${message.replaceAll(`${folder}/`, '').replaceAll(folder, '.')}`
  }
  return 'it loads'
}

const CHANNEL = `channels:
  a:
    address: /a
    messages:
      hello: { $ref: 'REF' }
operations: { say: { action: send, channel: { $ref: '#/channels/a' } } }
`

describe('C8: references', () => {
  test('lead to files beside the document, through other references', async () => {
    const folder = folderOf({
      'api.yaml': HEAD + CHANNEL.replace('REF', './parts/messages.yaml#/hello'),
      'parts/messages.yaml': 'hello: { payload: { $ref: schemas.json#/hello } }\n',
      'parts/schemas.json':
        '{ "hello": { "type": "object", "required": ["type"], "properties": { "type": { "const": "hi" } } } }',
    })
    const read: string[] = []
    const { handlers } = await hearReads(
      (path) => read.push(path),
      async () => loadAsyncApi(join(folder, 'api.yaml')),
    )
    expect(read).toEqual(
      ['api.yaml', 'parts/messages.yaml', 'parts/schemas.json'].map((name) => join(folder, name)),
    )
    expect(handlers[0]?.schema?.outgoing?.['~standard'].validate({ type: 'other' })).toEqual({
      issues: [{ message: 'must be equal to constant: "hi"', path: ['type'] }],
    })
    const url = pathToFileURL(join(folder, 'api.yaml'))
    expect(loadAsyncApi(url).handlers.map(({ pattern }) => pattern)).toEqual(['/a'])
  })

  test.each([
    [
      '../../../etc/hostname',
      'ERR_ASYNCAPI: api.yaml:7 (#/channels/a/messages/hello/$ref) refers to /etc/hostname, outside of .; a document may refer to files of its folder, and of the folder that you are in',
    ],
    [
      'https://a.example/messages.yaml#/hello',
      'ERR_ASYNCAPI: api.yaml:7 (#/channels/a/messages/hello/$ref) refers to https://a.example/messages.yaml, and nothing is read from the network; save it beside the document and refer to the file',
    ],
    [
      'secrets.env',
      'ERR_ASYNCAPI: api.yaml:7 (#/channels/a/messages/hello/$ref) refers to secrets.env; it has to be a .json, .yaml or .yml file',
    ],
    [
      'missing.yaml',
      'ERR_ASYNCAPI: api.yaml:7 (#/channels/a/messages/hello/$ref): cannot read missing.yaml: there is no such file',
    ],
    [
      '#/components/messages/helo',
      'ERR_ASYNCAPI: api.yaml:7 (#/channels/a/messages/hello/$ref): the $ref "#/components/messages/helo" leads to nothing: there is no "components"',
    ],
    [
      '#/channels/a/message/hello',
      'ERR_ASYNCAPI: api.yaml:7 (#/channels/a/messages/hello/$ref): the $ref "#/channels/a/message/hello" leads to nothing: there is no "message"; did you mean "messages"?',
    ],
    [
      '#hello',
      'ERR_ASYNCAPI: api.yaml:7 (#/channels/a/messages/hello/$ref): the $ref "#hello" has to be a JSON pointer behind its #, such as #/components/messages/a',
    ],
    [
      '#/channels/a/messages/hello',
      'ERR_ASYNCAPI: api.yaml:7 (#/channels/a/messages/hello): the $ref leads to itself',
    ],
  ])('%s is refused', (to, message) => {
    const said = refusal(HEAD + CHANNEL.replace('REF', to)).replace(/\S*etc\/hostname/, '/etc/hostname')
    expect(said).toBe(message)
  })

  test('a file that another file breaks is named', () => {
    expect(refusal(HEAD + CHANNEL.replace('REF', 'b.yaml#/hello'), { 'b.yaml': 'hello:\n  - [\n' })).toMatch(
      /^ERR_ASYNCAPI: b\.yaml:\d+: /,
    )
  })
})

test('addresses that are no patterns: a query, a whole URL, a name with a hyphen, a key of every object', () => {
  const channels = {
    query: { address: '/a?token={token}' },
    url: { address: 'wss://a.example/b/{market-id}', parameters: { 'market-id': { enum: ['eu'] } } },
    constructor: { address: '/c' },
  }
  const { handlers } = loadAsyncApi({ asyncapi: '3.0.0', info: { title: 'A', version: '1' }, channels })
  expect(handlers.map(({ pattern }) => pattern)).toEqual(['/a', '/c', '/b/{market_id}'])
  const { authenticate } = handlers[2]!
  const answer = (value: string): unknown =>
    (authenticate as (req: object) => unknown)({ params: { market_id: value } })
  expect([answer('eu'), answer('us')]).toEqual([
    true,
    { success: false, status: 404, reason: 'There is no market_id "us"' },
  ])
})

describe('a document that is none', () => {
  test.each([
    ['a: [', /^ERR_ASYNCAPI: api\.yaml:1: /],
    [
      '',
      /^ERR_ASYNCAPI: api\.yaml:1 \(#\): this is no AsyncAPI document; it has to begin with "asyncapi: 3\.1\.0"/,
    ],
    ['a: 1', /this is no AsyncAPI document/],
    [
      'openapi: 3.1.0',
      /^ERR_ASYNCAPI: api\.yaml:1 \(#\/openapi\): this is an OpenAPI document, which describes HTTP, and no AsyncAPI document; /,
    ],
    [
      'asyncapi: 3.0',
      /^ERR_ASYNCAPI: api\.yaml:1 \(#\/asyncapi\): the version is the number 3, and has to be a text; write asyncapi: '3\.0\.0'$/,
    ],
    [
      `${HEAD}chanels: { a: { address: /a } }`,
      /"A" has no channel for WebSockets; did you mean "channels", where "chanels" stands\?/,
    ],
    [
      'asyncapi: 1.2.0',
      /^ERR_ASYNCAPI: api\.yaml:1 \(#\/asyncapi\): this version of AsyncAPI, "1\.2\.0", is not known here; 2\.x and 3\.x are$/,
    ],
    [`${HEAD}channels: {}`, /"A" has no channel for WebSockets/],
    [
      `${HEAD}channels: { a: { address: /a } }\noperations:\n  x: { action: publish }`,
      /^ERR_ASYNCAPI: api\.yaml:5 \(#\/operations\/x\/action\): an operation has to have the action "send" or "receive"$/,
    ],
    [
      `${HEAD}channels: { a: { address: /a } }\noperations:\n  x: { action: send }`,
      /^ERR_ASYNCAPI: api\.yaml:5 \(#\/operations\/x\): an operation has to refer to a channel/,
    ],
    [
      `${HEAD}channels: { a: { address: /a, messages: { m: 7 } } }`,
      /^ERR_ASYNCAPI: api\.yaml:3 \(#\/channels\/a\/messages\/m\): this has to be a message/,
    ],
    [`${HEAD}x: &a { b: *a }`, /^ERR_ASYNCAPI: api\.yaml:3: \*a leads back into what it stands in$/],
    [`${HEAD}x: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, /nested too deeply$/],
    [
      `${HEAD}x-sidewire-perspective: both\nchannels: { a: { address: /a } }`,
      /x-sidewire-perspective has to be "server" or "client"$/,
    ],
  ])('%#: is refused in a line', (text, message) => {
    expect(refusal(text)).toMatch(message)
    expect(refusal(text)).not.toContain('\n')
  })

  test('C20: an alias bomb is an error, not the end of the memory', () => {
    const bomb = [
      'a: &a [x, x, x, x, x, x, x, x, x]',
      ...'bcdefgh'.split('').map((name, index) => {
        const before = 'abcdefg'[index]
        return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join()}]`
      }),
    ].join('\n')
    expect(refusal(HEAD + bomb)).toMatch(/^ERR_ASYNCAPI: api\.yaml: Excessive alias count/)
  })

  test('messages in Avro have no schema here, unless their channel has a scenario', () => {
    const avro = `${HEAD}${CHANNEL.replace("{ $ref: 'REF' }", '{ payload: { schemaFormat: application/vnd.apache.avro;version=1.9.0, schema: { type: record } } }')}`
    expect(refusal(avro)).toMatch(
      /^ERR_ASYNCAPI: api\.yaml:7 \(#\/channels\/a\/messages\/hello\): "hello" is described in avro, which is not read here; /,
    )
    expect(refusal(avro, {}, { scenarios: { a: { connect: { send: 'mine' } } } })).toBe('it loads')
  })
})

describe('options', () => {
  const one = small(
    { hello: typed('hello') },
    { say: { action: 'send' } },
    { servers: { main: { host: 'a', protocol: 'ws' } } },
  )
  test.each<[object, string]>([
    [
      { perspectve: 'server' },
      'unknown option "perspectve" of fromAsyncApi(); did you mean "perspective"? known are perspective, server, patterns, push, samples, onInvalid, seed, scenarios, adapt, logger',
    ],
    [
      { perspective: 'both' },
      `option "perspective" of fromAsyncApi() is "both"; it has to be one of 'server', 'client', 'auto'`,
    ],
    [
      { push: { every: 0 } },
      `option "push" of fromAsyncApi() is {"every":0}; it has to be 'connect', 'never', or { every } with milliseconds, or [min, max]`,
    ],
    [{ server: 'mian' }, 'option "server" is "mian"; did you mean "main"? the document has main'],
    [
      { scenarios: { man: {} } },
      'option "scenarios" of fromAsyncApi() has "man", of which the document has nothing; did you mean "main"? it has main, /',
    ],
    [
      { patterns: { other: '/x' } },
      'option "patterns" of fromAsyncApi() has "other", of which the document has nothing; it has main',
    ],
    [
      { remoteRefs: true },
      'unknown option "remoteRefs" of fromAsyncApi(); known are perspective, server, patterns, push, samples, onInvalid, seed, scenarios, adapt, logger',
    ],
  ])('%j is refused', (options, message) => {
    expect(() => fromAsyncApi(one, options)).toThrow(expect.objectContaining({ code: 'ERR_OPTION', message }))
  })

  test.each([[7], [null], [[]]])('%j is no document', (source) => {
    expect(() => fromAsyncApi(source as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION',
        message: expect.stringContaining('it has to be the path of a file'),
      }),
    )
  })

  test('patterns puts a channel elsewhere; a static value of a scenario has to be one of the document', async () => {
    const handlers = fromAsyncApi(one, { patterns: { main: '/elsewhere/{id}' }, logger: new Log() })
    expect(handlers.map(({ pattern }) => pattern)).toEqual(['/elsewhere/{id}'])
    const wrong = fromAsyncApi(one, {
      scenarios: { main: { connect: { send: { type: 'bye' } } } },
      logger: new Log(),
    })
    await expect(createServer({ port: 0, wsHandlers: wrong })).rejects.toThrow(
      'wsHandlers[0].scenario.connect.send can never be sent: invalid outgoing message: type: must be equal to constant: "hello"',
    )
  })
})

test('C12: traits are merged; the target wins in 3.x, the trait in 2.x', () => {
  const traits = [{ name: 'ofTrait', correlationId: { location: '$message.payload#/id' } }]
  const three = small(
    { ask: { ...typed('ask'), name: 'own', traits }, answer: { ...typed('answer'), traits } },
    { get: { action: 'receive', messages: [ref('ask')], reply: { messages: [ref('answer')] } } },
  )
  const [made] = loadAsyncApi(three).made
  expect(made?.talk.incoming).toMatchObject([{ name: 'own', correlation: ['id'] }])
  expect(made?.talk.outgoing).toMatchObject([{ name: 'ofTrait', correlation: ['id'] }])
  const two = {
    asyncapi: '2.6.0',
    info: { title: 'Two', version: '1.0.0' },
    channels: {
      '/a': { publish: { operationId: 'own', message: { ...typed('ask'), name: 'own', traits } } },
    },
  }
  expect(loadAsyncApi(two, { perspective: 'server' }).made[0]?.talk.incoming).toMatchObject([
    { name: 'ofTrait' },
  ])
})

test('C13: 2.x: publish is what clients send, and a request has the response of its name', () => {
  const [made] = loadAsyncApi(pathOf('forum.yml')).made
  expect(made?.talk.incoming.map(({ names }) => names)).toEqual([
    ['loginRequest', 'A request with a title of its trait'],
    ['getPostsRequest'],
  ])
  expect(
    [...(made?.talk.replies ?? [])].map(([ask, answers]) => [ask.name, answers.map(({ name }) => name)]),
  ).toEqual([
    ['loginRequest', ['loginResponse']],
    ['getPostsRequest', ['getPostsResponse']],
  ])
})

test('C11: an example that does not fit is said with its place, and a schema that is none accepts anything', () => {
  const { notes, handlers } = loadAsyncApi(
    small(
      {
        bad: { ...typed('bad'), examples: [{ payload: { type: 'good' } }] },
        none: { payload: { type: 'object', required: true } },
      },
      { say: { action: 'send' } },
    ),
  )
  expect(notes.filter(({ level }) => level === 'warn').map(({ text }) => text)).toEqual([
    'the document (#/channels/main/messages/bad/examples/0/payload): this example of "bad" does not fit its own schema, and is sent all the same: type: must be equal to constant: "bad"',
    expect.stringMatching(
      /^the document \(#\/channels\/main\/messages\/none\/payload\): this is no schema that can be checked, and anything fits: /,
    ),
    'the document (#/channels/main/messages/none/payload): no sample fits this schema; {} is sent (it is no schema)',
  ])
  const [greeting] = handlers[0]!.scenario!.connect as { send(): unknown }[]
  const sample = greeting?.send()
  expect(sample).toEqual({ type: 'good' })
  expect(handlers[0]?.schema?.outgoing?.['~standard'].validate(sample)).toEqual({ value: sample })
})

test('C20: a document of a megabyte costs little more than to read it', () => {
  const messages = Array.from({ length: 700 }, (_, index) => {
    const fields = Array.from(
      { length: 16 },
      (_each, field) =>
        `          field${field}: { type: string, description: A field that is described in a few words }\n`,
    )
    return `    m${index}:\n      payload:\n        type: object\n        required: [type]\n        properties:\n          type: { const: m${index} }\n${fields.join('')}`
  })
  const text =
    `${HEAD}channels:\n  a:\n    address: /a\n    messages:\n` +
    messages.map((_, index) => `      m${index}: { $ref: '#/components/messages/m${index}' }\n`).join('') +
    `operations: { say: { action: send, channel: { $ref: '#/channels/a' } } }\ncomponents:\n  messages:\n${messages.join('')}`
  expect(text.length).toBeGreaterThan(1e6)
  const path = join(folderOf({ 'api.yaml': text }), 'api.yaml')
  /** What this process has computed meanwhile, whoever else does on the machine. */
  const cpuOf = (work: () => void): number => {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  const reading = cpuOf(() => readDocument(readFileSync(path, 'utf8'), path, 'ERR_ASYNCAPI'))
  const loading = cpuOf(() => expect(loadAsyncApi(path).made[0]?.talk.outgoing.length).toBe(700))
  console.log(
    `a document of ${text.length} bytes: read in ${reading.toFixed(0)} ms, loaded in ${loading.toFixed(0)} ms of CPU time`,
  )
  expect(loading).toBeLessThan(Math.max(1000, 4 * reading))
})

describe.each(NETWORK_RUNTIMES)('on %s', (runtime) => {
  test('C19: a reload keeps connections, and a broken document says where', async () => {
    const api = (kind: string): string =>
      `${HEAD}${CHANNEL.replace("{ $ref: 'REF' }", `{ payload: { type: object, required: [type], properties: { type: { const: ${kind} } } } }`)}`
    const folder = folderOf({ 'api.yaml': api('old') })
    const path = join(folder, 'api.yaml')
    const load = () => loadAsyncApi(path).handlers
    const server = await createServer({
      port: 0,
      runtime,
      logLevel: 'silent',
      endpointPrefix: '',
      wsHandlers: load(),
    })
    try {
      const client = await connectWs(`${server.url}/a`)
      expect(await client.next()).toEqual({ type: 'old' })
      writeFileSync(path, `${api('old')}\nbroken: [`)
      expect(() => server.reload({ wsHandlers: load() })).toThrow(/api\.yaml:\d+: /)
      writeFileSync(path, api('new'))
      server.reload({ wsHandlers: load() })
      server.publish('/a', { type: 'new' })
      expect(await client.next()).toEqual({ type: 'new' })
      expect(() => server.publish('/a', { type: 'old' })).toThrow(/must be equal to constant: "new"/)
    } finally {
      await server.close()
    }
  })
})
