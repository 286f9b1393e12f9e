import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as fc from 'fast-check'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import type { Scenario, UniversalApiWsHandler } from '../../src/index.ts'
import { mockFile } from '../../src/mock-file/mock-file.ts'
import { createTestServer, type TestServer } from '../../src/testing/index.ts'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { connectWs, type TestClient } from '../support/client.ts'

assertPlatform()

/** Inside of the project, from where @faker-js/faker is found. */
const folder = mkdtempSync(join(process.cwd(), 'test/mock-file/.files-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let count = 0
function file(text: string, extension = 'yaml'): string {
  const path = join(folder, `mock${++count}.ws.${extension}`)
  writeFileSync(path, text)
  return path
}
/** The one handler of a file that has this in it. */
const read = (text: string): UniversalApiWsHandler[] => mockFile(file(text))

const running: TestServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

describe.each(NETWORK_RUNTIMES)('on %s', (runtime) => {
  async function start(handlers: readonly UniversalApiWsHandler[]): Promise<TestServer> {
    const server = await createTestServer({ runtime, clock: 'virtual', handlers })
    running.push(server)
    return server
  }
  const serve = (text: string): Promise<TestServer> => start(read(text))
  const connect = (server: TestServer, path: string): Promise<TestClient> => connectWs(server.url(path))

  test('a file that somebody would write', async () => {
    const server = await serve(`
# yaml-language-server: $schema=../node_modules/sidewire/mock.schema.json
pattern: /ws/chat/{room}
scenario:
  state: { name: '{{query.name}}' }
  connect:
    - join: '{{params.room}}'
    - send: { type: welcome, room: '{{params.room}}', you: '{{state.name ?? "somebody"}}' }
  on:
    - when: { type: say }
      reply: { send: { type: said, by: '{{state.name}}', text: '{{message.text}}' }, to: { room: '{{params.room}}', includeSelf: true } }
    - when: { type: rename }
      reply:
        - set: { name: '{{message.to}}' }
        - send: 'you are {{state.name}} now'
    - when: ping
      replies: [{ send: pong }, { close: 4001, reason: enough }]
  otherwise:
    send: { error: 'there is no {{message.type}}' }
`)
    const [ann, bob] = [await connect(server, '/ws/chat/den?name=ann'), await connect(server, '/ws/chat/den')]
    expect(await ann.next()).toEqual({ type: 'welcome', room: 'den', you: 'ann' })
    expect(await bob.next()).toEqual({ type: 'welcome', room: 'den', you: 'somebody' })
    ann.json({ type: 'say', text: 'hi {{uuid}}' })
    for (const one of [ann, bob])
      expect(await one.next()).toEqual({ type: 'said', by: 'ann', text: 'hi {{uuid}}' })
    bob.json({ type: 'rename', to: 'bob' })
    expect(await bob.next()).toBe('you are bob now')
    bob.json({ type: 'dance' })
    expect(await bob.next()).toEqual({ error: 'there is no dance' })
    ann.send('ping')
    expect(await ann.next()).toBe('pong')
    ann.send('ping')
    expect(await ann.closed).toEqual({ code: 4001, reason: 'enough' })
  })

  test('A11: a template alone keeps its type, in text it is text, what is missing is left out', async () => {
    const server = await serve(`
pattern: /a
scenario:
  on:
    - when: { echo: true }
      reply:
        send:
          alone: '{{message.id}}'
          text: 'id {{message.id}}'
          missing: '{{message.nothing.at.all}}'
          list: ['{{message.id}}', '{{message.nothing}}', 3]
          object: 'it is {{message.object}}'
          length: '{{message.items.length}}'
          second: '{{message.items[1]}}'
          odd: '{{message["a key"]}}'
          other: '{{message.nothing ?? message.id ?? 7}}'
          word: "{{message.nothing ?? 'none'}}"
          braces: "{{'{{'}} and }}"
          proto: '{{message.constructor.name}}'
          whole: '{{message.text}}'
          path: '{{headers.Host}}'
    - when: same
      reply: { send: '{{message}}' }
    - when: nothing
      reply: [{ send: '{{state.nothing}}' }, { send: behind }]
`)
    const client = await connect(server, '/a')
    client.json({ echo: true, id: 5, object: { a: [1] }, items: [1, 'two'], 'a key': null, text: '{{uuid}}' })
    expect(await client.next()).toEqual({
      alone: 5,
      text: 'id 5',
      list: [5, null, 3],
      object: 'it is {"a":[1]}',
      length: 2,
      second: 'two',
      odd: null,
      other: 5,
      word: 'none',
      braces: '{{ and }}',
      whole: '{{uuid}}',
      path: expect.stringMatching(/:\d+$/),
    })
    client.send('same')
    expect(await client.next()).toBe('same')
    client.send('nothing')
    expect(await client.next()).toBe('behind')
  })

  test('operators look into a message at any depth', async () => {
    const server = await serve(`
pattern: /a
scenario:
  on:
    - { when: { price: { $gt: 10, $lt: 20 } }, reply: { send: middle } }
    - { when: { kind: { $in: [a, { b: 1 }] } }, reply: { send: in } }
    - { when: { id: { $exists: false }, user: { name: { $regex: '^an+$' } } }, reply: { send: nameless } }
    - { when: { id: { $exists: true } }, reply: { send: named } }
    - { when: { $regex: '^/\\w+' }, reply: { send: command } }
    - { when: { $type: dollar }, reply: { send: dollar } }
    - { when: { level: { $gte: 3, $lte: 5 }, kind: { $ne: x } }, reply: { send: level } }
  otherwise: { send: none }
`)
    const client = await connect(server, '/a')
    for (const [message, answer] of [
      [{ price: 15 }, 'middle'],
      [{ price: 20 }, 'none'],
      [{ price: '15' }, 'none'],
      [{ kind: 'a' }, 'in'],
      [{ kind: { b: 1, c: 2 } }, 'in'],
      [{ kind: 'b' }, 'none'],
      [{ user: { name: 'ann' } }, 'nameless'],
      [{ user: { name: 'bob' } }, 'none'],
      [{ id: null }, 'named'],
      ['/help me', 'command'],
      ['help', 'none'],
      [{ $type: 'dollar' }, 'dollar'],
      [{ level: 3, kind: 'z' }, 'level'],
      [{ level: 5, kind: 'z' }, 'level'],
      [{ level: 3, kind: 'x' }, 'none'],
      [{ level: 6 }, 'none'],
    ] as const) {
      if (typeof message === 'string') client.send(message)
      else client.json(message)
      expect([message, await client.next()]).toEqual([message, answer])
    }
  })

  test('chance: the same by the same seed on every runtime, and apart for each place and client', async () => {
    const text = `
pattern: /a
scenario:
  seed: 7
  key: '{{query.user}}'
  connect:
    - send: ['{{int 1 1000}}', '{{float 0 1 3}}', '{{pick red 2 "light blue"}}', '{{uuid}}', '{{n}}']
    - send: ['{{faker person.fullName}}', '{{faker number.int min=10 max=99}}', '{{faker string.alpha 5}}']
`
    const told = async (user: string): Promise<unknown[]> => {
      const client = await connect(await serve(text), `/a?user=${user}`)
      return [await client.next(), await client.next()]
    }
    const ann = await told('ann')
    expect(ann).toMatchInlineSnapshot(`
      [
        [
          942,
          0.59,
          "light blue",
          "d9fd03c5-a560-47a0-aff3-8e661926ae8b",
          1,
        ],
        [
          "Ms. Monserrat Tromp",
          17,
          "kUxpZ",
        ],
      ]
    `)
    expect(await told('ann')).toEqual(ann)
    expect(await told('bob')).not.toEqual(ann)
  })

  test('a room whose name is missing is an error with its line; the rest of the list is not taken; a number is a name', async () => {
    const server = await serve(`
pattern: /a
scenario:
  on:
    - { when: { type: join }, reply: [{ join: '{{message.room}}' }, { send: joined }, { send: all, to: { room: '{{message.room}}', includeSelf: true } }] }
`)
    const client = await connect(server, '/a')
    client.json({ type: 'join', room: 7 })
    expect([await client.next(), await client.next()]).toEqual(['joined', 'all'])
    client.json({ type: 'join' })
    await server.settled()
    expect(() => server.verify()).toThrow(
      /mock\d+\.ws\.yaml:5: "\{\{message\.room\}\}" came to no name of a room; what may be missing has \?\? behind it/,
    )
  })

  test('binary comes, and goes', async () => {
    const server = await serve(`
pattern: /a
scenario:
  connect: { send: !!binary AAEC }
  otherwise: { send: '{{message}}' }
`)
    const client = await connect(server, '/a')
    expect(await client.next()).toEqual(Buffer.from([0, 1, 2]))
    client.send(Buffer.from([7, 8]))
    expect(await client.next()).toEqual(Buffer.from([7, 8]))
  })

  test('times are those of the engine', async () => {
    const server = await serve(`
pattern: /a
scenario:
  shared: { ticks: 0 }
  every:
    - { every: 1000, to: all, send: { n: '{{n}}', at: '{{timestamp}}', iso: '{{now}}', price: '{{int 1 9}}', shared: '{{shared.ticks}}' } }
  connect:
    - repeat: forever
      steps: [{ wait: 700 }, { send: step }]
`)
    const client = await connect(server, '/a')
    await server.clock.advance(700)
    expect(await client.next()).toBe('step')
    await server.clock.advance(300)
    const { n, at, iso, shared } = await client.next()
    expect([n, shared, new Date(iso).getTime()]).toEqual([1, 0, at])
  })

  test('A13: a file, and the same in TypeScript, say the same', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, fc.array(words, { maxLength: 6 }), async (scenario, said) => {
        const texts = [
          stringify({ pattern: '/a', scenario }),
          JSON.stringify({ pattern: '/a', scenario }, null, '\t'),
        ]
        const transcripts = []
        for (const handlers of [
          [{ pattern: '/a', scenario }],
          mockFile(file(texts[0] ?? '')),
          mockFile(file(texts[1] ?? '', 'json')),
        ])
          transcripts.push(await transcriptOf(handlers, said))
        expect(transcripts[1]).toEqual(transcripts[0])
        expect(transcripts[2]).toEqual(transcripts[0])
      }),
      { numRuns: 12 },
    )
  })

  async function transcriptOf(
    handlers: UniversalApiWsHandler[],
    said: readonly unknown[],
  ): Promise<unknown[]> {
    const server = await start(handlers)
    const client = await connect(server, '/a')
    const got: unknown[] = []
    let isOver = false
    void client.closed.then((end) => {
      isOver = true
      got.push(end)
    })
    for (const message of said) {
      if (!isOver) client.send(typeof message === 'string' ? message : JSON.stringify(message))
      await server.settled()
      await server.clock.advance(50)
    }
    await server.clock.advance(2000)
    got.push(
      ...server.journal
        .filter(({ kind }) => kind === 'out')
        .map(({ data, at }) => ({ data, at: at - (server.journal[0]?.at ?? 0) })),
    )
    await server.close()
    await client.closed
    return got
  }
})

const words = fc.oneof(
  fc.constantFrom('ping', 'pong', 'x'),
  fc.record({ type: fc.constantFrom('a', 'b'), id: fc.integer({ min: 0, max: 3 }) }),
)
const payloads = fc.oneof(
  fc.constantFrom(
    'hi',
    'on',
    '12:30',
    'null',
    '~',
    '2020-01-01',
    ' # no comment',
    '- no list',
    'multi\nline\n',
  ),
  fc
    .jsonValue({ maxDepth: 2 })
    .filter((value) => value !== undefined && !JSON.stringify(value).includes('{{')),
)
const { step } = fc.letrec((tie) => ({
  step: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.record({ send: payloads, to: fc.constantFrom('self', 'all') }),
    fc.record({ wait: fc.oneof(fc.nat(200), fc.constant([10, 90])) }),
    fc.record({ set: fc.record({ k: fc.nat() }), in: fc.constantFrom('state', 'shared') }),
    fc.record({ join: fc.constantFrom('r1', 'r2') }),
    fc.record({ close: fc.constant(4000), reason: fc.constantFrom('a', 'end') }),
    fc.record({
      repeat: fc.integer({ min: 1, max: 3 }),
      steps: fc.array(tie('step'), { minLength: 1, maxLength: 2 }),
    }),
  ),
}))
const steps = fc.array(step, { maxLength: 3 }) as fc.Arbitrary<any>
const scenarios: fc.Arbitrary<Scenario> = fc.record(
  {
    seed: fc.nat(),
    connect: steps,
    on: fc.array(
      fc.record({
        when: words,
        replies: fc.array(steps, { minLength: 1, maxLength: 3 }),
        after: fc.constantFrom('last' as const, 'cycle' as const, 'pass' as const),
      }),
      { maxLength: 3 },
    ),
    every: fc.array(
      fc.record({
        every: fc.oneof(fc.integer({ min: 100, max: 500 }), fc.constant([100, 300] as const)),
        send: payloads,
        times: fc.integer({ min: 1, max: 4 }),
      }),
      { maxLength: 2 },
    ),
    otherwise: steps,
  },
  { requiredKeys: [] },
)

describe('a file', () => {
  test('is one handler, a list of them, or handlers; YAML or JSON, with tabs, a mark in front, and $schema', () => {
    const patterns = (handlers: UniversalApiWsHandler[]): string[] => handlers.map(({ pattern }) => pattern)
    expect(patterns(read('pattern: /a'))).toEqual(['/a'])
    expect(patterns(read('- pattern: /a\n- pattern: /b\n'))).toEqual(['/a', '/b'])
    expect(patterns(read('handlers:\n  - pattern: /a\n'))).toEqual(['/a'])
    expect(patterns(mockFile(file('\u{FEFF}{\n\t"$schema": "x",\n\t"pattern": "/a"\n}', 'json')))).toEqual([
      '/a',
    ])
    expect(mockFile(pathToFileURL(file('$schema: x\npattern: /a\nheartbeat: 500')))).toEqual([
      { pattern: '/a', heartbeat: 500 },
    ])
  })

  test('has no key that changes what objects are', () => {
    const [handler] = read('pattern: /a\nscenario: { connect: { send: { __proto__: { polluted: true } } } }')
    const send = (handler?.scenario?.connect as { send: object } | undefined)?.send ?? {}
    expect(Object.keys(send)).toEqual(['__proto__'])
    expect((send as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('A14: what has no template is the value itself, and serialised once', () => {
    const [handler] = read(
      'pattern: /a\nscenario: { connect: [{ send: { a: 1 } }, { send: { a: "{{n}}" } }] }',
    )
    const [fixed, filled] = (handler?.scenario?.connect ?? []) as { send: unknown }[]
    expect(fixed?.send).toEqual({ a: 1 })
    expect(filled?.send).toBeTypeOf('function')
  })

  const HEAD = 'pattern: /a\nscenario:\n'
  test.each([
    // What is no YAML.
    ['a: 1\na: 2\n', 'ERR_CONFIG', '2: Map keys must be unique'],
    ['a:\n\tb: 1', 'ERR_CONFIG', '2: Tabs are not allowed as indentation'],
    ['pattern: /a\n---\npattern: /b\n', 'ERR_CONFIG', '2: a second document begins, and a file is one'],
    ['x: 1\na: !secret b\n', 'ERR_CONFIG', '2: Unresolved tag: !secret'],
    // What is no mock.
    ['', 'ERR_CONFIG', '1: the file is empty; it has to have a handler: a pattern, and a scenario'],
    [
      'hello',
      'ERR_CONFIG',
      '1: the file is "hello"; it has to be a handler, a list of them, or { handlers }',
    ],
    [
      'handlers: 1',
      'ERR_CONFIG',
      '1: handlers is 1; it has to be a handler, a list of them, or { handlers }',
    ],
    ['- pattern: /a\n- 7', 'ERR_OPTION', '2: [1] is 7; it has to be a handler: a pattern, and a scenario'],
    [
      'handlers:\n  - pattern: /a\nport: 80',
      'ERR_OPTION',
      '3: "port" stands beside handlers, and a mock file has nothing but handlers: what concerns the whole server is a flag, or stands in sidewire.config.ts',
    ],
    [
      'pattern: /a\nonMessage: 1',
      'ERR_OPTION',
      '2: option "onMessage" takes code, and a mock file has none: write what is answered as scenario.on, and what else comes as scenario.otherwise',
    ],
    // What the engine refuses, with the line.
    [
      'heartbeat: 50\npattern: /a',
      'ERR_OPTION',
      '1: option "heartbeat" is 50; it has to be false, 0, or a number of milliseconds from 100',
    ],
    [
      '- pattern: /a\n- pattern: /b\n  hartbeat: 500',
      'ERR_OPTION',
      /^3: unknown option "\[1\]\.hartbeat"; did you mean "heartbeat"\? known are/,
    ],
    [
      'handlers:\n  - pattern: /a\n  - pattern: /a',
      'ERR_PATTERN_DUPLICATE',
      '3: handlers[1].pattern "/a" is also the pattern of handlers[0]; merge the two, change one, or set disabled: true',
    ],
    ['scenario: {}', 'ERR_OPTION', '1: option "pattern" is missing; it has to be a path such as "/ws/chat"'],
    ['pattern: /a/{', 'ERR_PATTERN', /^1: pattern "\/a\/\{"/],
    [
      `${HEAD}  on:\n    - when: ping\n      reply:\n        - send: pong\n        - sned: pong`,
      'ERR_OPTION',
      /^7: option "scenario\.on\[0\]\.reply\[1\]" is .*; did you mean "send"\?$/,
    ],
    [
      `${HEAD}  connect:\n    - send: a\n      wait: 5`,
      'ERR_OPTION',
      '4: option "scenario.connect[0]" has "send" and "wait", and a step does one thing: make two steps of it, in a list',
    ],
    [
      `${HEAD}  connect:\n    repeat: forever\n    steps: { send: a }`,
      'ERR_OPTION',
      /^4: option "scenario\.connect\.repeat" is Infinity; it has to be a number, or there has to be a wait/,
    ],
    // Templates.
    [
      `${HEAD}  on:\n    - when: x\n      reply:\n        send:\n          id: '{{mesage.id}}'`,
      'ERR_SCENARIO',
      '7: {{mesage.id}}: there is no "mesage"; did you mean "message"? known are message, params, query, headers, state, shared, conn, n, now, timestamp, uuid, int, float, pick, faker',
    ],
    [
      `${HEAD}  every:\n    - every: 5\n      send: '{{message}}'`,
      'ERR_SCENARIO',
      '5: {{message}}: there is no "message" in every',
    ],
    [
      `${HEAD}  every:\n    - every: 5\n      to: all\n      send: '{{conn.id}}'`,
      'ERR_SCENARIO',
      '6: {{conn.id}}: there is no "conn" in every with to: \'all\', which is about no connection',
    ],
    [`${HEAD}  state: { a: '{{uuid}}' }`, 'ERR_SCENARIO', '3: {{uuid}}: there is no "uuid" in state'],
    [
      `${HEAD}  shared: { a: '{{n}}' }`,
      'ERR_SCENARIO',
      '3: "{{n}}": nothing is filled in in shared; templates stand in send, set, join, leave, room, state and key',
    ],
    [
      `${HEAD}  on: [{ when: '{{n}}' }]`,
      'ERR_SCENARIO',
      '3: "{{n}}": nothing is filled in in what a message is compared with; templates stand in send, set, join, leave, room, state and key',
    ],
    [
      `${HEAD}  connect: { send: 'a {{n' }`,
      'ERR_SCENARIO',
      '3: "a {{n" has a "{{" without its "}}"; for the two braces themselves write {{\'{{\'}}',
    ],
    [
      `${HEAD}  connect: { send: '{{}}' }`,
      'ERR_SCENARIO',
      '3: {{}} has nothing to say; write a name such as {{message.id}}',
    ],
    [
      `${HEAD}  connect: { send: '{{n ??}}' }`,
      'ERR_SCENARIO',
      '3: {{n ??}} has nothing to say; write a name such as {{message.id}}',
    ],
    [`${HEAD}  connect: { send: '{{now.iso}}' }`, 'ERR_SCENARIO', '3: {{now.iso}}: "now" has nothing in it'],
    [
      `${HEAD}  connect: { send: '{{conn.ip}}' }`,
      'ERR_SCENARIO',
      '3: {{conn.ip}}: of conn there is only {{conn.id}}',
    ],
    [
      `${HEAD}  connect: { send: '{{message.id 0}}' }`,
      'ERR_SCENARIO',
      '3: {{message.id 0}}: there is "0" behind message.id; what may be missing has ?? behind it',
    ],
    [
      `${HEAD}  connect: { send: '{{message..id}}' }`,
      'ERR_SCENARIO',
      '3: {{message..id}}: "..id" leads nowhere; a path is such as message.items[0].id or message["a key"]',
    ],
    [
      `${HEAD}  connect: { send: '{{int 9 1}}' }`,
      'ERR_SCENARIO',
      '3: {{int 9 1}}: it has to be two whole numbers, the smaller first, such as {{int 1 9}}',
    ],
    [
      `${HEAD}  connect: { send: '{{float 0}}' }`,
      'ERR_SCENARIO',
      '3: {{float 0}}: it has to be two numbers, the smaller first, and how many digits follow the point, such as {{float 0 1 2}}',
    ],
    [
      `${HEAD}  connect: { send: '{{pick}}' }`,
      'ERR_SCENARIO',
      '3: {{pick}}: there is nothing to choose from; write {{pick red green blue}}',
    ],
    [
      `${HEAD}  connect: { send: '{{faker person.fulName}}' }`,
      'ERR_SCENARIO',
      '3: {{faker person.fulName}}: faker has no "person.fulName"; did you mean "person.fullName"? write a name such as person.fullName',
    ],
    [
      `${HEAD}  connect: { send: '{{faker nobody.name}}' }`,
      'ERR_SCENARIO',
      /^3: \{\{faker nobody\.name\}\}: faker has no "nobody\.name"/,
    ],
    // Operators.
    [
      `${HEAD}  on:\n    - when: { a: { $exist: true } }`,
      'ERR_SCENARIO',
      '4: there is no operator "$exist"; did you mean "$exists"? known are $regex, $in, $exists, $gt, $gte, $lt, $lte, $ne',
    ],
    [
      `${HEAD}  on:\n    - when: { a: { $gt: 1, b: 2 } }`,
      'ERR_SCENARIO',
      '4: "b" stands beside $gt: what has operators has nothing else in it; known are $regex, $in, $exists, $gt, $gte, $lt, $lte, $ne',
    ],
    [
      `${HEAD}  on:\n    - when: { $regex: '(' }`,
      'ERR_SCENARIO',
      '4: $regex is "("; it has to be an expression that JavaScript knows, as text',
    ],
    [`${HEAD}  on:\n    - when: { a: { $gt: x } }`, 'ERR_SCENARIO', '4: $gt is "x"; it has to be a number'],
    // What a stranger wrote.
    ['openapi: 3.0.0\npaths: {}', 'ERR_CONFIG', /^1: this is an OpenAPI document, which is about HTTP/],
    [
      'info: {}\nchannels: {}',
      'ERR_CONFIG',
      '2: this looks like an AsyncAPI document without its first line, "asyncapi: 3.1.0"',
    ],
    [
      `${HEAD}  connect: { send: {{uuid}} }`,
      'ERR_CONFIG',
      "3: an object or a list stands where a name has to be; text with braces stands in quotes: '{{uuid}}'",
    ],
    [
      `${HEAD}  on: [{ when: { a: {{x}} } }]`,
      'ERR_CONFIG',
      /^3: an object or a list stands where a name has to be/,
    ],
    [`${HEAD}  connect: { send: &a { self: *a } }`, 'ERR_CONFIG', '3: *a leads back into what it stands in'],
    [`${HEAD}  connect: { send: *a }`, 'ERR_CONFIG', '3: *a is an alias, and there is no &a above it'],
    [
      `${HEAD}  on: [{ when: { a: { $or: [1] } } }]`,
      'ERR_SCENARIO',
      /^3: there is no operator "\$or"; known are \$regex/,
    ],
    [
      `${HEAD}  on: [{ when: x, goto: '{{message}}' }]`,
      'ERR_SCENARIO',
      /^3: "\{\{message\}\}": nothing is filled in in goto/,
    ],
    [
      `pattern: /a\ndefaultRoom: '{{params.x}}'`,
      'ERR_SCENARIO',
      /^2: "\{\{params\.x\}\}": nothing is filled in in defaultRoom/,
    ],
    [
      `${HEAD}  connect: { send: { '{{n}}': 1 } }`,
      'ERR_SCENARIO',
      '3: "{{n}}" is a key, and in keys nothing is filled in; a value may be a template',
    ],
    [
      `pattern: /a/{symbol}\nscenario: { connect: { send: '{{params.symbo}}' } }`,
      'ERR_SCENARIO',
      '2: {{params.symbo}}: the pattern has no {symbo}; did you mean "symbol"? it has {symbol}',
    ],
    [
      `${HEAD}  connect: { send: '{{params.symbol}}' }`,
      'ERR_SCENARIO',
      '3: {{params.symbol}}: the pattern has no {symbol}; it has no names',
    ],
    [
      `${HEAD}  connect: { send: '{{message.id ?? [1]}}' }`,
      'ERR_SCENARIO',
      '3: {{message.id ?? [1]}}: "[1]" is no name and no value; a text stands in quotes',
    ],
    [
      `${HEAD}  connect: { send: '{{faker number.int min=9 max=1}}' }`,
      'ERR_SCENARIO',
      /^3: \{\{faker number\.int min=9 max=1\}\}: faker says: Max 1 should be greater than min 9/,
    ],
    [
      `${HEAD}  disconnect: { send: '{{message}}', to: all }`,
      'ERR_SCENARIO',
      '3: {{message}}: there is no "message" in disconnect',
    ],
    ['pattern: /a\ntoString: 1', 'ERR_OPTION', /^2: unknown option "toString"; known are pattern, prefix/],
    [
      `${HEAD}  on: [{ when: [1] }]`,
      'ERR_OPTION',
      /has to be text, a number, true or false, an object that the message has to have in it$/,
    ],
  ])('A12: %j is refused with the line', (text, code, message) => {
    const path = file(text)
    const name = path.slice(process.cwd().length + 1)
    let thrown: unknown
    try {
      mockFile(path)
    } catch (error) {
      thrown = error
    }
    const { code: got, message: said = '' } = (thrown ?? {}) as { code?: string; message?: string }
    expect(got).toBe(code)
    if (typeof message === 'string') expect(said).toBe(`${name}:${message}`)
    else {
      expect(said.slice(0, name.length + 1)).toBe(`${name}:`)
      expect(said.slice(name.length + 1)).toMatch(message)
    }
  })

  test.each([
    [
      '{ "pattern": "/a", // where\n "heartbeat": 500 }',
      /\.json:1: JSON has no comments; in a file that ends with \.yaml they begin with #$/,
    ],
    ['{\n "pattern": "/a",\n}', /\.json(?::3)?: this is no JSON: /],
    ['', /\.json:1: the file is empty$/],
    [
      '{\n "pattern": "/a",\n "hartbeat": 5 }',
      /\.json:3: unknown option "hartbeat"; did you mean "heartbeat"\?/,
    ],
  ])('of JSON is JSON: %j', (text, message) => {
    expect(() => mockFile(file(text, 'json'))).toThrow(message)
  })

  test('that is not in UTF-8 is named', () => {
    const path = file('')
    writeFileSync(path, Buffer.from('\u{FEFF}pattern: /a', 'utf16le'))
    expect(() => mockFile(path)).toThrow(/mock\d+\.ws\.yaml is not in UTF-8: save it in that encoding$/)
  })

  test('may have what its handlers share in anchors', () => {
    const [one, two] = read(`
x-limits: &limits { heartbeat: 500, maxPayload: 1000 }
handlers:
  - { <<: *limits, pattern: /a }
  - { <<: *limits, pattern: /b, maxPayload: 5 }
`)
    expect(one).toEqual({ pattern: '/a', heartbeat: 500, maxPayload: 1000 })
    expect(two).toEqual({ pattern: '/b', heartbeat: 500, maxPayload: 5 })
  })

  test('a bomb of aliases is refused', () => {
    const lines = ['a0: &a0 [1,1,1,1,1,1,1,1,1,1]']
    for (let i = 1; i < 9; i++)
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join()}]`)
    expect(() => read(lines.join('\n'))).toThrow(/: Excessive alias count/)
  })

  test('that is not there, or is none, is named', () => {
    expect(() => mockFile('no-such.ws.yaml')).toThrow('cannot read no-such.ws.yaml: there is no such file')
    expect(() => mockFile(7 as never)).toThrow(
      'mockFile() got 7; it has to be the path of a file, or a file: URL',
    )
  })

  test('faker is asked for where it is missing', () => {
    const apart = mkdtempSync(join(tmpdir(), 'sidewire-mock-'))
    try {
      const path = join(apart, 'a.ws.yaml')
      writeFileSync(path, `${HEAD}  connect: { send: '{{int 1 2}}' }`)
      expect(mockFile(path)).toHaveLength(1)
    } finally {
      rmSync(apart, { recursive: true, force: true })
    }
  })
})
