import { type } from 'arktype'
import * as v from 'valibot'
import { expect } from 'vitest'
import * as z from 'zod'
import { defineHandler, on, type StandardSchema, type UniversalApiWsHandler } from '../../../src/index.ts'
import type { Case, Contract } from '../harness.ts'

interface Said {
  type: 'say'
  text: string
  n: number
}

/** One that nobody has published. */
const byHand: StandardSchema<unknown, Said> = {
  '~standard': {
    version: 1,
    vendor: 'by hand',
    validate(value) {
      const { type: kind, text, n = '1' } = value as Record<string, unknown>
      if (kind !== 'say') return { issues: [{ message: 'has to be "say"', path: ['type'] }] }
      if (typeof text !== 'string')
        return { issues: [{ message: 'has to be text', path: [{ key: 'text' }] }] }
      return { value: { type: kind, text, n: Number(n) } }
    },
  },
}

/** The same of each library: `n` is read from text, and 1 without one. */
const VENDORS: Readonly<Record<string, StandardSchema<any, Said>>> = {
  zod: z.object({ type: z.literal('say'), text: z.string(), n: z.coerce.number().default(1) }),
  valibot: v.object({
    type: v.literal('say'),
    text: v.string(),
    n: v.optional(v.pipe(v.string(), v.transform(Number)), '1'),
  }),
  arktype: type({ type: "'say'", text: 'string', n: type('string').pipe(Number).default('1') }),
  'by hand': byHand,
}

/** What a schema may answer. */
function answering(validate: (value: any) => unknown): StandardSchema<any, any> {
  return { '~standard': { version: 1, vendor: 'odd', validate: validate as never } }
}

const numbers = answering((value) =>
  typeof value === 'number' ? { value } : { issues: [{ message: `${JSON.stringify(value)} is no number` }] },
)

/** Calls that may throw, and what they threw. */
function attempts(): { errors: unknown[]; attempt(run: () => unknown): void } {
  const errors: unknown[] = []
  return {
    errors,
    attempt(run) {
      try {
        run()
      } catch (error: any) {
        errors.push([error.code, error.message])
      }
    },
  }
}

interface Failure {
  readonly code: string | undefined
  readonly message: string
  readonly paths: unknown[]
}

/** A handler that says what its hooks got. */
function watched(handler: Partial<UniversalApiWsHandler>): {
  handler: UniversalApiWsHandler
  got: unknown[]
  failures: Failure[]
} {
  const got: unknown[] = []
  const failures: Failure[] = []
  return {
    got,
    failures,
    handler: {
      pattern: '/a',
      onMessage: (_conn, data) => void got.push(data),
      onError: (_conn, error: any) =>
        void failures.push({
          code: error.code,
          message: error.message,
          paths: error.issues?.map(({ path = [] }: any) => Array.from(path, (part: any) => part.key ?? part)),
        }),
      ...handler,
    },
  }
}

const vendor = ([name, incoming]: [string, StandardSchema<any, Said>]): Case => ({
  name: `schema: of ${name}: what is coerced and filled in arrives, what does not fit does not, and the connection stays`,
  async run(t: Contract) {
    const { handler, got, failures } = watched({
      schema: { incoming },
      responses: [{ match: (_conn, data) => got.push(['rule', data]) < 0, response: '' }],
    })
    const server = await t.start(handler)
    const client = await t.connect(server, '/a')
    client.json({ type: 'say', text: 'hello', n: '5' })
    client.json({ type: 'shout', text: 'hello' })
    client.json({ type: 'say', text: 'again' })
    const [first, second] = [
      { type: 'say', text: 'hello', n: 5 },
      { type: 'say', text: 'again', n: 1 },
    ]
    await t.until(() => got, [['rule', first], first, ['rule', second], second])
    expect(failures).toMatchObject([{ code: 'ERR_INVALID', paths: expect.arrayContaining([['type']]) }])
    expect(failures[0]?.message).toMatch(/^invalid incoming message: type: /)
    expect(server.stats()).toMatchObject({
      invalid: { incoming: 1, outgoing: 0 },
      handlerErrors: 0,
      connections: 1,
    })
  },
})

export const CASES: readonly Case[] = [
  ...Object.entries(VENDORS).map(vendor),
  {
    name: 'schema: a handler without onError warns, once a second at most, and says that text is no JSON',
    async run(t) {
      const server = await t.start({ pattern: '/a', schema: { incoming: v.object({ a: v.number() }) } })
      const client = await t.connect(server, '/a')
      for (const text of ['no json', '{"a":1}', '[]', '"quoted"']) client.send(text)
      await t.until(() => server.stats().invalid.incoming, 3)
      const warnings = t.log.filter((line) => line.startsWith('warn'))
      expect(warnings.length).toBeGreaterThanOrEqual(1)
      expect(warnings.length).toBeLessThanOrEqual(1 + Math.ceil(t.stalled / 1000))
      expect(warnings[0]).toMatch(
        /\/a \(connection .*\): invalid incoming message: .* \(the message is not JSON\)$/,
      )
    },
  },
  {
    name: "schema: onInvalid 'close' is 1007 with what is wrong and where, in 123 bytes, and without what was sent",
    async run(t) {
      const SECRET = 'hunter2-and-more'
      const incoming = answering((value) =>
        value === 'long'
          ? { issues: [{ message: '🔑'.repeat(60) }] }
          : { issues: [{ message: `got "${value.pin}", not text; ${value.pin}`, path: ['pin'] }] },
      )
      const { handler, got, failures } = watched({ schema: { incoming, onInvalid: 'close' } })
      const server = await t.start(handler)
      const client = await t.connect(server, '/a')
      client.json({ pin: SECRET })
      client.json({ pin: 'never handed over' })
      const { code, reason } = await client.closed
      expect([code, reason]).toEqual([1007, 'invalid message: pin: got …, not text; …'])
      expect(failures).toMatchObject([{ code: 'ERR_INVALID' }])
      const other = await t.connect(server, '/a')
      other.json('long')
      const closed = await other.closed
      expect(closed.code).toBe(1007)
      expect(closed.reason).toMatch(/^invalid message: 🔑+$/u)
      expect(Buffer.byteLength(closed.reason)).toBeLessThanOrEqual(123)
      expect(got).toEqual([])
    },
  },
  {
    name: 'schema: an onInvalid function decides, and its failures reach onError',
    async run(t) {
      const { handler, got, failures } = watched({
        schema: {
          incoming: numbers,
          onInvalid(conn, { direction, issues, data }) {
            if (data === 'throw') throw new Error('thrown')
            if (data === 'reject') return Promise.reject(new Error('rejected'))
            return conn.send([direction, issues[0]?.message, data])
          },
        },
      })
      const server = await t.start(handler)
      const client = await t.connect(server, '/a')
      client.json('told')
      expect(await client.next()).toEqual(['incoming', '"told" is no number', 'told'])
      expect(failures).toEqual([])
      client.json('throw')
      client.json('reject')
      client.json(7)
      await t.until(() => got, [7])
      await t.until(() => failures.map(({ message }) => message), ['thrown', 'rejected'])
      expect(server.stats()).toMatchObject({ invalid: { incoming: 3 }, handlerErrors: 2 })
    },
  },
  {
    name: 'schema: what is sent is checked once a call, goes out as the schema has it, or not at all and the call throws',
    async run(t) {
      let checked = 0
      const outgoing = answering((value) => {
        checked++
        return value?.ok === true
          ? { value: { ok: true, filled: 'in' } }
          : { issues: [{ message: 'has to be true', path: ['ok'] }] }
      })
      const { errors, attempt } = attempts()
      const { handler, failures } = watched({
        schema: { outgoing },
        defaultRoom: 'all',
        responses: [
          { match: (_conn, data) => data === 'static', response: { ok: true } },
          { match: (_conn, data) => data === 'made', response: () => ({ ok: true }) },
          { match: (_conn, data) => data === 'wrong', response: () => ({ ok: false }) },
        ],
        onMessage(conn, data) {
          const value = { ok: data === 'good' }
          attempt(() => void conn.send(value))
          attempt(() => conn.broadcast(value, { includeSelf: true }))
          attempt(() => conn.broadcastAllRooms(value, true))
        },
      })
      const server = await t.start(handler)
      // The plugin reads its options more than once.
      const atStart = checked
      expect(atStart).toBeGreaterThanOrEqual(1)
      const clients = await Promise.all([1, 2, 3].map(() => t.connect(server, '/a')))
      const [client] = clients as [(typeof clients)[number]]
      for (const text of ['static', 'made', 'wrong', 'good', 'bad']) client.send(text)
      for (let i = 0; i < 5; i++) expect(await client.next()).toEqual({ ok: true, filled: 'in' })
      await t.until(() => errors.length, 3)
      expect(errors).toEqual(
        Array.from({ length: 3 }, () => ['ERR_INVALID', 'invalid outgoing message: ok: has to be true']),
      )
      expect(failures).toMatchObject([{ code: 'ERR_INVALID', paths: [['ok']] }])
      expect(checked - atStart).toBe(1 + 1 + 3 + 3)
      attempt(() => server.publish('/a', { ok: 1 }))
      expect(errors.at(-1)).toEqual(['ERR_INVALID', 'invalid outgoing message: ok: has to be true'])
      server.publish('/a', { ok: true })
      for (const each of clients) {
        const messages = each === client ? 1 : 3
        for (let i = 0; i < messages; i++) expect(await each.next()).toEqual({ ok: true, filled: 'in' })
      }
      expect(server.stats().invalid).toEqual({ incoming: 0, outgoing: 5 })
    },
  },
  {
    name: "schema: checkOutgoing 'warn' sends what does not fit and says so, 'off' does not look",
    async run(t) {
      const server = await t.start([
        {
          pattern: '/warn',
          schema: { outgoing: numbers, checkOutgoing: 'warn' },
          onConnect(conn) {
            for (let i = 0; i < 3; i++) conn.send('text')
            conn.send(1)
          },
        },
        {
          pattern: '/off',
          schema: { outgoing: numbers, checkOutgoing: 'off' },
          onConnect: (conn) => void conn.send('x'),
        },
      ])
      const client = await t.connect(server, '/warn')
      for (const value of ['text', 'text', 'text', 1]) expect(await client.next()).toBe(value)
      expect(await (await t.connect(server, '/off')).next()).toBe('x')
      expect(server.stats().invalid).toEqual({ incoming: 0, outgoing: 3 })
      const warnings = t.log.filter((line) => line.startsWith('warn'))
      expect(warnings.length).toBeGreaterThanOrEqual(1)
      expect(warnings.length).toBeLessThanOrEqual(1 + Math.ceil(t.stalled / 1000))
      expect(warnings[0]).toMatch(/ \/warn: invalid outgoing message: … is no number; it is sent/)
    },
  },
  {
    name: 'schema: an async one keeps the order, whatever waits for it, and drops nothing',
    async run(t) {
      const waits: ((value: unknown) => void)[] = []
      const incoming = answering((value) =>
        value % 3 === 0
          ? { value }
          : new Promise((resolve) => waits.push(() => resolve(value === 50 ? { issues: [] } : { value }))),
      )
      const { handler, got, failures } = watched({ schema: { incoming } })
      const server = await t.start(handler)
      const client = await t.connect(server, '/a')
      const sent = Array.from({ length: 100 }, (_, i) => i)
      for (const n of sent) client.json(n)
      const expected = sent.filter((n) => n !== 50)
      await t.until(() => {
        waits.splice(0).forEach((settle) => settle(undefined))
        return got.length
      }, expected.length)
      expect(got).toEqual(expected)
      expect(failures).toMatchObject([
        { code: 'ERR_INVALID', message: 'invalid incoming message: does not fit' },
      ])
    },
  },
  {
    name: 'schema: one that throws, answers nonsense, freezes what it gives, or rejects: what it says counts, and nothing ends',
    async run(t) {
      const answers: Record<string, () => unknown> = {
        throws: () => { throw new Error('a bug of the schema') }, // prettier-ignore
        nothing: () => undefined,
        empty: () => ({}),
        rejects: () => Promise.reject(new Error('a late bug')),
        frozen: () => Object.freeze({ value: Object.freeze({ a: 1 }) }),
        'frozen issues': () => Object.freeze({ issues: Object.freeze([Object.freeze({ message: 'no' })]) }),
        undefined: () => ({ value: undefined }),
        last: () => ({ value: 'last' }),
      }
      const { handler, got, failures } = watched({
        schema: { incoming: answering((value) => answers[String(value)]?.()) },
      })
      const server = await t.start(handler)
      const client = await t.connect(server, '/a')
      for (const name of Object.keys(answers)) client.json(name)
      await t.until(() => got, [{ a: 1 }, undefined, 'last'])
      expect(failures.map(({ code, message }) => [code, message])).toEqual([
        [undefined, 'a bug of the schema'],
        [undefined, expect.any(String)],
        ['ERR_OPTION', expect.stringContaining('the schema answered {}')],
        [undefined, 'a late bug'],
        ['ERR_INVALID', 'invalid incoming message: no'],
      ])
      expect(server.stats()).toMatchObject({ handlerErrors: 4, invalid: { incoming: 1 }, connections: 1 })
    },
  },
  {
    name: 'schema: names of prototypes and JSON that is very deep pollute nothing and end nothing',
    async run(t) {
      const { handler, got, failures } = watched({
        schema: { incoming: z.object({ a: z.object({ b: z.number() }) }) },
      })
      const server = await t.start(handler)
      const client = await t.connect(server, '/a')
      client.send(
        '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":{"b":1,"__proto__":{"polluted":1}}}',
      )
      client.send(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
      client.json({ a: { b: 2 } })
      await t.until(() => got, [{ a: { b: 1 } }, { a: { b: 2 } }])
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
      expect(failures).toHaveLength(1)
    },
  },
  {
    name: 'schema: the query of a handshake is checked before authenticate, by an async one too; 400 says what is wrong',
    async run(t) {
      let asked = 0
      const authenticate = (): boolean => ++asked > 0
      const query = v.object({ room: v.pipe(v.string(), v.minLength(2)), page: v.optional(v.string()) })
      const server = await t.start([
        {
          pattern: '/now',
          schema: { query },
          authenticate,
          onConnect: (conn) => void conn.send(conn.req.url),
        },
        {
          pattern: '/later',
          schema: {
            query: v.objectAsync({
              room: v.pipeAsync(
                v.string(),
                v.checkAsync(async (x) => x !== 'no', 'not this'),
              ),
            }),
          },
          authenticate,
        },
        { pattern: '/bug', schema: { query: answering(() => { throw new Error('a bug') }) }, authenticate }, // prettier-ignore
      ])
      for (const [path, body] of [
        ['/now', /^Invalid query: room: /],
        ['/now?room=1&room=x', /^Invalid query: room: /],
        ['/later?room=no', /^Invalid query: room: not this$/],
      ] as const) {
        const answer = await t.handshake(server, path)
        expect([answer.status, answer.body]).toEqual([400, expect.stringMatching(body)])
      }
      expect((await t.handshake(server, '/bug')).status).toBe(500)
      expect(asked).toBe(0)
      expect(server.stats()).toMatchObject({ refused: 4, refusedBy: { query: 4 } })
      expect(await (await t.connect(server, '/now?room=%C3%A4b&page=2')).next()).toBe(
        '/api/now?room=%C3%A4b&page=2',
      )
      await t.connect(server, '/later?room=yes')
      expect(asked).toBe(2)
    },
  },
  {
    name: 'schema: a reload brings it to open connections, and takes it away',
    standalone: 'the plugin reloads by itself',
    async run(t) {
      const { handler, got, failures } = watched({})
      const server = await t.start(handler)
      const client = await t.connect(server, '/a')
      client.json('before')
      await t.until(() => got, ['before'])
      const options = { port: 0, logLevel: 'silent' } as const
      server.reload({ ...options, wsHandlers: [{ ...handler, schema: { incoming: numbers } }] })
      client.json('between')
      client.json(1)
      await t.until(() => got, ['before', 1])
      expect(failures).toMatchObject([{ code: 'ERR_INVALID' }])
      server.reload({ ...options, wsHandlers: [handler] })
      client.json('after')
      await t.until(() => got, ['before', 1, 'after'])
    },
  },
  {
    name: 'schema: what the client gets from a backend is checked where a hook made it, and what goes there is not',
    async run(t) {
      const backend = await t.backend()
      const { handler, failures } = watched({
        upstream: `${backend.url}/b`,
        schema: { incoming: numbers, outgoing: numbers },
        onMessage: (_conn, data) => (data === 2 ? 'two' : undefined),
        onUpstreamMessage: (_conn, data) => (data === 'as it is' ? undefined : data === 'make' ? 7 : 'wrong'),
      })
      const server = await t.start(handler)
      const client = await t.connect(server, '/a')
      const there = await backend.connections.next()
      client.json('not a number')
      client.json(1)
      client.json(2)
      expect(String(await there.messages.next())).toBe('1')
      expect(String(await there.messages.next())).toBe('two')
      for (const text of ['as it is', 'make', 'spoil']) there.send(text)
      expect(await client.next()).toBe('as it is')
      expect(await client.next()).toBe(7)
      expect(await client.next()).toBe('spoil')
      expect(failures.map(({ code, message }) => [code, message])).toEqual([
        ['ERR_INVALID', expect.stringContaining('invalid incoming message')],
        ['ERR_INVALID', expect.stringContaining('invalid outgoing message')],
      ])
    },
  },
  {
    name: 'schema: what is said of a message is a line of bounded length, whatever the client has made of it',
    async run(t) {
      const errors: string[] = []
      const server = await t.start({
        pattern: '/a',
        schema: { incoming: z.strictObject({ list: z.array(z.number()) }) },
        onError: (_conn, { message }) => void errors.push(message),
      })
      const client = await t.connect(server, '/a')
      client.json({ list: Array.from({ length: 5000 }, String) })
      client.json({ list: [], 'q\n[sidewire] forged\u001b[31m': 1 })
      client.json({ list: [], ['x'.repeat(100_000)]: 1 })
      await t.until(() => errors.length, 3)
      expect(errors[0]).toMatch(/; and 4997 more$/)
      expect(errors[1]).toContain('q\\n[sidewire] forged\\u001b[31m')
      for (const message of errors) {
        expect(message.length).toBeLessThan(1000)
        expect(message).not.toMatch(/[\p{Cc}]/u)
      }
    },
  },
  {
    name: 'schema: a promise is a missing await, with a schema and with a codec too',
    async run(t) {
      const { errors, attempt } = attempts()
      const server = await t.start([
        {
          pattern: '/a',
          schema: { outgoing: numbers },
          onConnect: (conn) => attempt(() => conn.send(Promise.resolve(1))),
        },
        {
          pattern: '/b',
          codec: { name: 'any', encode: String, decode: String },
          onConnect: (conn) => attempt(() => conn.send(Promise.resolve(1))),
        },
      ])
      for (const path of ['/a', '/b']) await t.connect(server, path)
      const expected = ['ERR_SERIALIZE', expect.stringContaining('an await is missing')]
      await t.until(() => errors, [expected, expected])
    },
  },
  {
    name: 'schema: on() hands each kind of message to its own hook, and the rest to another',
    async run(t) {
      const got: unknown[] = []
      const incoming = z.discriminatedUnion('type', [
        z.object({ type: z.literal('join'), room: z.string() }),
        z.object({ type: z.literal('say'), text: z.string() }),
        z.object({ type: z.literal('leave') }),
      ])
      const server = await t.start([
        defineHandler({
          pattern: '/a',
          schema: { incoming },
          onMessage: on(
            'type',
            {
              join: (conn, { room }) => conn.joinRoom(room),
              say: (conn, { text }) => conn.broadcast({ text }, { includeSelf: true }),
            },
            (_conn, data) => got.push(data),
          ),
        }),
        {
          pattern: '/any',
          onMessage: on('kind', { a: (_conn, data) => got.push(data) }, (_conn, data) =>
            got.push(['else', data]),
          ),
        },
      ])
      const client = await t.connect(server, '/a')
      client.json({ type: 'join', room: 'x' })
      client.json({ type: 'say', text: 'hello' })
      client.json({ type: 'leave' })
      expect(await client.next()).toEqual({ text: 'hello' })
      await t.until(() => got, [{ type: 'leave' }])
      const other = await t.connect(server, '/any')
      for (const message of [{ kind: 'a' }, { kind: 'toString' }, null, 'a']) other.json(message)
      await t.until(
        () => got.slice(1),
        [{ kind: 'a' }, ['else', { kind: 'toString' }], ['else', null], ['else', 'a']],
      )
    },
  },
]
