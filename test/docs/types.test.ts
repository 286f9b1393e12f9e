import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { NAMED_PATTERNS } from '../support/named-patterns.ts'
import { SNIPPETS, type Snippet } from './pages.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

/** What `tsc --init` leaves as a comment, but for names that nobody uses: those are a linter's. */
const STRICTER = [
  '--allowImportingTsExtensions',
  ['--types', 'node'],
  ['--noPropertyAccessFromIndexSignature', '--noImplicitReturns', '--noImplicitOverride'],
  ['--noFallthroughCasesInSwitch', '--noEmit', '--pretty', 'false'],
].flat()

const HANDLERS = `
import {
  createServer, defineConfig, defineHandler, jsonCodec, universalApi,
  type Codec, type HandshakeRequest, type ServerOptions, type UniversalApiWsHandler, type WebSocketConnection,
} from 'sidewire'

declare const computed: string
const text = (value: string): string => value
const number = (value: number): number => value

export const whole = defineHandler({
  pattern: '/ws/{room}/{id:\\\\d{2}}',
  authenticate: (req) => ({ success: true, data: { user: text(req.params.room) } }),
  transformRawData: (data) => ({ length: data.length }),
  responses: [
    { match: (conn, data) => text(conn.params.room) === '' && number(data.length) > 0, response: 1 },
    { match: () => true, response: (conn, data) => text(conn.params.id) + number(data.length) },
    { match: () => true, response: undefined },
  ],
  onConnect(conn, req) {
    text(conn.params.room + conn.params.id + conn.req.params.room + req.params.id + conn.authData.user)
    // @ts-expect-error a name that the pattern lacks
    text(conn.params.rooms)
    // @ts-expect-error
    text(req.params.rooms)
    // @ts-expect-error what authenticate did not give
    text(conn.authData.name)
    // @ts-expect-error
    conn.params.room = 'other'
  },
  onMessage: (conn, data) => {
    number(data.length)
    // @ts-expect-error what transformRawData did not give
    number(data.size)
    conn.broadcast(data, { rooms: [conn.params.room] })
  },
  onClose: (conn) => text(conn.params.id),
  onDrain: (conn) => text(conn.params.id),
  onError: (conn) => text(conn.params.id),
  onStart(service, handedOver) {
    for (const conn of service.connections) text(conn.params.room + conn.authData.user + handedOver)
    service.publish(text(service.pattern), { room: 'a' })
    // @ts-expect-error no room at all
    service.publish('x', { rom: 'a' })
  },
  onStop: (_service, { reason }) => {
    // @ts-expect-error none of the reasons
    return reason === 'reloaded' ? undefined : { kept: 1 }
  },
  onRequest: (req) => {
    // @ts-expect-error a name that the pattern lacks
    text(req.params.rooms)
    return { status: number(201), body: { room: req.params.room } }
  },
})

export const raw = defineHandler({
  pattern: '/raw/{id}',
  raw: true,
  authenticate: () => ({ success: true, data: { user: 'a' } }),
  responses: [{ match: (conn, message) => typeof message === 'string', response: (_conn, message) => message.length }],
  onMessage(conn, message) {
    const sent: string | Buffer = message
    text(conn.params.id + conn.authData.user)
    if (typeof message !== 'string') number(message.readInt8(0) + sent.length)
    // @ts-expect-error it may be a Buffer
    text(message)
    // @ts-expect-error nothing is parsed
    text(message.type)
  },
})
const reader: Codec<{ length: number }> = {
  name: 'length',
  encode: (data) => jsonCodec.encode(data),
  decode: (payload) => ({ length: payload.length }),
}
export const coded = defineHandler({
  pattern: '/coded/{id}',
  codec: reader,
  responses: [{ match: (conn, data) => data.length === 0 && conn.params.id === '', response: 1 }],
  onMessage(conn, data) {
    text(conn.params.id)
    number(data.length)
    // @ts-expect-error what decode did not give
    number(data.size)
  },
})
export const codedInline = defineHandler({
  pattern: '/coded',
  codec: { name: 'inline', encode: String, decode: (payload) => [payload.length] as const },
  onMessage: (conn, data) => number(data[0]),
})
export const codedLoosely = defineHandler({ pattern: '/a', codec: jsonCodec, onMessage: (conn, data) => text(data.any) })
// @ts-expect-error
export const half = defineHandler({ pattern: '/a', codec: { name: 'half', encode: String } })

export const bare = defineHandler({ pattern: '/app/{key}', prefix: false, onConnect: (conn) => text(conn.params.key) })
export const notRaw = defineHandler({ pattern: '/a', raw: false, onMessage: (conn, data) => text(data.type) })
export const rawByHand = defineHandler<User>({ pattern: '/a', raw: true, onMessage: (conn) => text(conn.authData.name) })
// @ts-expect-error a field that an answer does not have
export const misspelled = defineHandler({ pattern: '/ws', onRequest: () => ({ statusCode: 400 }) })

// @ts-expect-error a pattern without parameters
export const none = defineHandler({ pattern: '/ws', onConnect: (conn) => text(conn.params.room) })

// A pattern that is computed: any name, and perhaps not there.
export const unknown = defineHandler({
  pattern: computed,
  onConnect: (conn) => {
    const room: string | undefined = conn.params['room']
    // @ts-expect-error
    return text(conn.params['room']) + room
  },
})
export const prefixed = defineHandler({
  pattern: \`/ws/\${computed}\`,
  onConnect: (conn): string | undefined => conn.params['room'],
})

// Both parameters by hand, as ever.
interface User { readonly name: string }
export const given = defineHandler<User, number>({
  pattern: '/ws/{room}',
  onMessage: (conn, data) => text(conn.authData.name) + number(data) + (conn.params['room'] ?? ''),
})
export const annotated: UniversalApiWsHandler<User, number> = {
  pattern: '/ws/{room}',
  authenticate: (req: HandshakeRequest) => ({ success: true, data: { name: req.params['room'] ?? '' } }),
  onMessage: (conn, data) => text(conn.authData.name) + number(data) + (conn.params['room'] ?? ''),
}
const shared = (conn: WebSocketConnection): void => conn.joinRoom(conn.params['room'] ?? '')
export const sharing = defineHandler({ pattern: '/ws/{room}', onConnect: shared })

export const list: UniversalApiWsHandler[] = [whole, unknown, prefixed, given, annotated, sharing, raw, notRaw, coded, codedInline]
export const options: ServerOptions = { wsHandlers: [...list, { pattern: '/a/{b}', onConnect: shared }] }

export default defineConfig({
  port: 0,
  wsHandlers: [
    { pattern: '/a/{room}', onConnect: (conn) => text(conn.params.room), onMessage: (conn, data) => data.any },
    {
      pattern: '/b/{id}',
      authenticate: (req) => ({ success: true, data: text(req.params.id) }),
      onConnect(conn, req) {
        text(conn.params.id + req.params.id + conn.authData.anything)
        // @ts-expect-error the name of another handler
        text(conn.params.room)
      },
    },
    whole,
    annotated,
    ...list,
  ],
})
defineConfig(options)
defineConfig({ wsHandlers: list })
defineConfig({ wsHandlers: [] })
defineConfig({})
// @ts-expect-error
defineConfig({ nonsense: 1 })
// @ts-expect-error
defineConfig({ wsHandlers: [{ pattern: '/a', onConect: () => {} }] })
// @ts-expect-error
defineConfig({ wsHandlers: [{ pattern: 1 }] })

const server = await createServer({
  wsHandlers: [{ pattern: '/a/{room}', onConnect: (conn) => text(conn.params.room) }],
})
// @ts-expect-error
await createServer({ wsHandlers: [{ pattern: '/a/{room}', onConnect: (conn) => text(conn.params.id) }] })
server.reload({ wsHandlers: [{ pattern: '/a/{room}', onConnect: (conn) => text(conn.params.room) }] })
server.reload(options)
await createServer()
universalApi()
universalApi({ wsHandlers: [{ pattern: '/a/{room}', onConnect: (conn) => text(conn.params.room) }] })
// @ts-expect-error
universalApi({ wsHandlers: [{ pattern: '/a/{room}', onConnect: (conn) => text(conn.params.id) }] })
`

const SCHEMAS = `
import * as z from 'zod'
import * as v from 'valibot'
import { type } from 'arktype'
import { createServer, defineConfig, defineHandler, on, type MessagesOf, type UniversalApiWsHandler } from 'sidewire'

const text = (value: string): string => value
const number = (value: number): number => value
type Same<A, B> = [A, B] extends [B, A] ? true : false

const Incoming = z.discriminatedUnion('type', [
  z.object({ type: z.literal('join'), room: z.string() }),
  z.object({ type: z.literal('say'), text: z.string(), n: z.coerce.number() }),
])
const Outgoing = z.object({ from: z.string(), text: z.string(), at: z.number().optional() })

export const chat = defineHandler({
  pattern: '/chat/{id}',
  schema: { incoming: Incoming, outgoing: Outgoing },
  authenticate: (req) => ({ success: true, data: { user: text(req.params.id) } }),
  responses: [
    { match: (conn, data) => data.type === 'join' && text(data.room) === conn.params.id, response: { from: 'a', text: 'b' } },
    { match: (_conn, data) => data.type === 'say', response: (conn, data) => ({ from: conn.authData.user, text: data.type }) },
    // @ts-expect-error not what is sent
    { match: () => true, response: { from: 1, text: 'b' } },
    { match: () => true, response: undefined },
  ],
  onConnect(conn) {
    conn.send({ from: conn.authData.user, text: 'hi' })
    // @ts-expect-error not what is sent
    conn.send({ from: 'a' })
    // @ts-expect-error
    conn.broadcast('text')
  },
  onMessage(conn, data) {
    if (data.type === 'say') return number(data.n)
    // @ts-expect-error narrowed
    text(data.text)
    return text(data.room)
  },
  onStart(service) {
    service.publish({ from: 'a', text: 'b' })
    // @ts-expect-error
    service.publish({ from: 'a', txt: 'b' })
    for (const conn of service.connections) {
      // @ts-expect-error
      conn.send(1)
    }
  },
})
export const isIn: Same<MessagesOf<typeof chat>['incoming'], z.input<typeof Incoming>> = true
export const isOut: Same<MessagesOf<typeof chat>['outgoing'], z.output<typeof Outgoing>> = true

export const told = defineHandler({
  pattern: '/told/{id}',
  schema: { incoming: Incoming, outgoing: v.object({ ok: v.boolean() }) },
  authenticate: () => ({ success: true, data: { user: 'a' } }),
  onMessage: on('type', {
    join(conn, data) {
      conn.joinRoom(text(data.room) + conn.params.id + conn.authData.user)
      // @ts-expect-error of another kind
      text(data.text)
      // @ts-expect-error not what is sent
      conn.send({ ok: 1 })
    },
    say: (conn, { n }) => void conn.send({ ok: number(n) > 0 }),
  }),
})
// Nobody is named by authenticate.
export const unnamed = defineHandler({
  pattern: '/chat/{id}',
  schema: { incoming: Incoming, outgoing: v.variant('type', [v.object({ type: v.literal('joined'), room: v.string() }), v.object({ type: v.literal('said'), text: v.string() })]) },
  onMessage: on('type', {
    join(conn, { room }) {
      conn.joinRoom(room)
      conn.send({ type: 'joined', room })
      // @ts-expect-error
      conn.send({ type: 'join', room })
      conn.params.id.length
      // @ts-expect-error
      conn.params.no.length
    },
    say(conn, { text, n }) {
      conn.broadcastAllRooms({ type: 'said', text: text.repeat(n) }, true)
    },
  }),
})
export const wrongKind = defineHandler({
  pattern: '/a',
  schema: { incoming: Incoming },
  // @ts-expect-error no such kind
  onMessage: on('type', { leave() {} }),
})

export const onlyOut = defineHandler({
  pattern: '/out',
  schema: { outgoing: type({ n: 'number' }) },
  onMessage(conn, data) {
    text(data.anything)
    conn.send({ n: 1 })
    // @ts-expect-error
    conn.send({ n: 'a' })
  },
})
export const onlyIn = defineHandler({
  pattern: '/in',
  schema: { incoming: type({ n: 'number' }) },
  onMessage(conn, data) {
    number(data.n)
    // @ts-expect-error
    text(data.n)
    conn.send('anything')
  },
})
export const none = defineHandler({ pattern: '/none', onMessage: (conn, data) => void conn.send(data.any) })
// @ts-expect-error no schema
export const wrong = defineHandler({ pattern: '/none', schema: { incoming: 1 } })
const Told = z.discriminatedUnion('type', [
  z.object({ type: z.literal('joined'), room: z.string() }),
  z.object({ type: z.literal('said'), text: z.string().default('') }),
])
export const union = defineHandler({
  pattern: '/union',
  schema: { outgoing: Told, onInvalid: (conn) => void conn.send({ type: 'said', text: 'what?' }) },
  responses: [
    { match: () => true, response: { type: 'said', text: 'a' } },
    { match: () => true, response: (_conn) => ({ type: 'joined', room: 'a' }) },
    { match: () => true, response: async (conn) => ({ type: 'joined', room: conn.id }) },
  ],
})
// @ts-expect-error of no kind
export const sad = defineHandler({ pattern: '/sad', schema: { outgoing: Told }, responses: [{ match: () => true, response: { type: 'sad' } }] })
export const badAnswer = defineHandler({
  pattern: '/bad',
  schema: {
    outgoing: Told,
    // @ts-expect-error not what is sent
    onInvalid: (conn) => void conn.send({ type: 'bad' }),
  },
})
export const wire: MessagesOf<typeof union>['outgoing'] = { type: 'said', text: '' }
// @ts-expect-error a client is always told the text
export const half: MessagesOf<typeof union>['outgoing'] = { type: 'said' }
const Loud = z.object({ type: z.literal('say'), loud: z.boolean().default(false) })
export const loud = defineHandler({ pattern: '/loud', schema: { incoming: Loud }, onMessage: (conn, data) => void conn.send(data.loud) })
export const sent: MessagesOf<typeof loud>['incoming'] = { type: 'say' }
export const untyped = defineHandler({
  pattern: '/untyped',
  onMessage: on('type', { a: (conn, data) => void conn.send(text(data.text)) }, (_conn, data) => text(data.text)),
})
export const onlyOutOn = defineHandler({
  pattern: '/only-out',
  schema: { outgoing: Told },
  onMessage: on('type', { a: (conn, data) => void conn.send({ type: 'said', text: data.text }) }),
})
export const kinds = defineHandler({
  pattern: '/kinds',
  schema: { incoming: z.object({ kind: z.enum(['a', 'b']), n: z.number() }) },
  onMessage: on('kind', {
    a: (_conn, data) => number(data.n),
    // @ts-expect-error no such kind
    c: () => {},
  }),
})
export const anyKind = defineHandler({
  pattern: '/any-kind',
  schema: { incoming: z.object({ kind: z.string(), n: z.number() }) },
  onMessage: on('kind', { whatever: (_conn, data) => number(data.n) }),
})
export const list: UniversalApiWsHandler[] = [union, loud, untyped, onlyOutOn, kinds, anyKind, chat, told, onlyOut, onlyIn, none]
export default defineConfig({ wsHandlers: [chat, told, onlyOut, ...list, { pattern: '/x', schema: { incoming: Incoming }, onMessage: (conn, data) => { data.type } }] })
await createServer({ wsHandlers: list })
`

const NAMES = [
  `import type { PatternParams } from 'sidewire'`,
  `type Same<A, B> = [A, B] extends [B, A] ? true : false`,
  ...NAMED_PATTERNS.map(([pattern, , names], index) => {
    const expected = names.map((name) => JSON.stringify(name)).join(' | ') || 'never'
    return `export const is${index}: Same<keyof PatternParams<${JSON.stringify(pattern)}>, ${expected}> = true`
  }),
].join('\n')

/** What a project that uses it all has installed. */
const LINKED = [
  ...['vite', 'vitest', '@types', '@jest', 'expect', '@playwright', 'playwright'],
  ...['zod', 'valibot', 'arktype', '@msgpack', 'protobufjs', '@bufbuild'],
  ...['socket.io', 'msw', 'graphql', 'graphql-ws'],
]

/** A page is a project of its own, in which files that it names find one another. */
function place({ page, line, language, file }: Snippet): string {
  // A program that needs no types in it is checked as one that has some.
  const name = language === 'ts' ? file?.replace(/\.mjs$/, '.mts') : file
  return join('pages', page.replaceAll(/\W/g, '-'), name ?? `${line}.${language}`)
}

/**
 * What `bun test` runs (commands.test.ts) has types that only Bun has; those of Cypress, which test/runners stands in for,
 * come with 180 packages.
 */
const checked = SNIPPETS.filter(
  ({ code, file }) => !code.includes("'bun:test'") && !/\bcy(press)?\./.test(file ?? ''),
)
const inLanguage = (wanted: string): [name: string, code: string][] =>
  checked.filter(({ language }) => language === wanted).map((snippet) => [place(snippet), snippet.code])

/** As somebody who installs the package and has `tsc --init` write the settings. */
describe('the types, as built, in a project of `tsc --init`', () => {
  const files: [name: string, code: string][] = [
    ['handlers.ts', HANDLERS],
    ['names.ts', NAMES],
    ['schemas.ts', SCHEMAS],
    ...inLanguage('ts'),
  ]
  let errors: string[] = []
  let folder = ''
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sidewire-types-'))
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(ROOT, join(folder, 'node_modules/sidewire'), 'junction')
    for (const name of LINKED)
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), 'junction')
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    for (const [name, code] of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), code)
    }
    await tsc(folder, ['--init'])
    errors = (await tsc(folder, STRICTER)).split('\n').filter((line) => line !== '')
  }, 300_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('takes each TypeScript snippet of the pages', () => {
    expect(files.length).toBeGreaterThan(30)
    expect(errors.filter((line) => !/^(handlers|names|schemas)\.ts/.test(line))).toEqual([])
  })

  it('knows params, authData and data in every place where handlers are written', () => {
    expect(errors.filter((line) => line.startsWith('handlers.ts'))).toEqual([])
  })

  it('knows by a schema what comes and what may be sent', () => {
    expect(errors.filter((line) => line.startsWith('schemas.ts'))).toEqual([])
  })

  it('knows the names of a pattern', () => {
    expect(errors.filter((line) => line.startsWith('names.ts'))).toEqual([])
  })
})

/** What a page of a browser imports. */
const CLIENTS = ['socket.io-client', 'graphql-ws', 'json-rpc-2.0', 'phoenix', '@types/phoenix', '@supabase']

/** What a page of a browser does, in JavaScript: names and calls are checked, what nobody declared is anything. */
test('the JavaScript of the pages has no errors', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sidewire-scripts-')))
  try {
    const files = inLanguage('js').map(([name, code]) => [name.replaceAll('/', '-'), code] as const)
    expect(files.length).toBeGreaterThan(3)
    for (const [name, code] of files) writeFileSync(join(folder, name), code)
    for (const name of CLIENTS) {
      const link = join(folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(ROOT, 'node_modules', name), link, 'junction')
    }
    // The declarations of a library are no page's.
    const loose = [
      '--skipLibCheck',
      '--allowJs',
      '--checkJs',
      '--strict',
      'false',
      '--noImplicitAny',
      'false',
      '--noEmit',
    ]
    const modern = [
      '--target',
      'es2023',
      '--module',
      'esnext',
      '--moduleDetection',
      'force',
      '--moduleResolution',
      'bundler',
    ]
    const names = files.map(([name]) => name)
    expect(await tsc(folder, [...loose, ...modern, '--pretty', 'false', ...names])).toBe('')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** What it prints; that there are errors is no failure of the call. */
function tsc(cwd: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [TSC, ...args], { cwd }, (error, stdout, stderr) => {
      if (stderr !== '' || (error && stdout === '')) reject(error ?? new Error(stderr))
      else resolve(stdout)
    })
  })
}
