import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import type { Command } from 'commander'
import { describe, expect, it, vi } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { CloseCode } from '../../src/engine/close.ts'
import { pluginSchema, serverSchema } from '../../src/engine/handler/option-schema.ts'
import { resolvePluginOptions, resolveServerOptions } from '../../src/engine/handler/options.ts'
import { authenticate } from '../../src/engine/handshake/authenticate.ts'
import { createLogger } from '../../src/engine/logger.ts'
import type { RuntimeCapabilities } from '../../src/engine/runtime.ts'
import { resolveRefusal, resolveTestServerOptions } from '../../src/testing/options.ts'
import { resolveReplayOptions } from '../../src/recording/replay-options.ts'
import { SCENARIOS } from '../../src/load/options.ts'
import { createBunRuntime } from '../../src/runtime/bun/bun.ts'
import { createUwsRuntime } from '../../src/runtime/node/uws.ts'
import { createWsRuntime } from '../../src/runtime/node/ws.ts'
import { Documented, type Entry } from './documented.ts'
import { TypesOfPackage } from './types-of-package.ts'

const FOLDER = fileURLToPath(new URL('../../docs/reference', import.meta.url))
const page = (name: string): Documented => new Documented(readFileSync(join(FOLDER, name), 'utf8'))
const OPTIONS = page('options.md')
const HANDLER = page('handler.md')
const CONNECTION = page('connection.md')
const SERVER = page('server.md')
const PLUGIN = page('plugin-api.md')
const CLI = page('cli.md')
const TESTING = page('testing.md')
const REPLAY = page('replay.md')
const FAULTS = page('faults.md')
const ASYNCAPI = page('asyncapi.md')

/** The members of each type, by what documents them. */
const MEMBERS: readonly (readonly [type: string, entries: ReadonlyMap<string, Entry>])[] = [
  ['EngineOptions', OPTIONS.entriesIn('Everywhere')],
  ['ServerOptions', new Map([...OPTIONS.entriesIn('Everywhere'), ...OPTIONS.entriesIn('Server')])],
  ['PluginOptions', new Map([...OPTIONS.entriesIn('Everywhere'), ...OPTIONS.entriesIn('Vite plugin')])],
  ['InspectorOptions', OPTIONS.rowsOf('InspectorOptions')],
  ['UniversalApiWsHandler', HANDLER.entries],
  ['CompressionOptions', HANDLER.rowsOf('CompressionOptions')],
  ['Upstream', HANDLER.rowsOf('What an upstream is')],
  ['UpstreamTls', HANDLER.rowsOf('UpstreamTls')],
  ['RecordOptions', HANDLER.rowsOf('RecordOptions')],
  ['UpstreamConnection', CONNECTION.rowsOf('UpstreamConnection')],
  ['Codec', HANDLER.rowsOf('What a codec is')],
  ['Schemas', HANDLER.rowsOf('What a schema is')],
  ['HandlerService', HANDLER.rowsOf('HandlerService')],
  ['RequestAnswer', HANDLER.rowsOf('RequestAnswer')],
  ['ResponseRule', HANDLER.rowsOf('ResponseRule')],
  ['WebSocketConnection', CONNECTION.entries],
  ['BroadcastOptions', CONNECTION.rowsOf('BroadcastOptions')],
  ['HandshakeRequest', CONNECTION.rowsOf('HandshakeRequest')],
  ['Server', SERVER.entries],
  ['PublishOptions', SERVER.rowsOf('PublishOptions')],
  ['ConnectionInfo', SERVER.rowsOf('ConnectionInfo')],
  ['Stats', SERVER.rowsOf('Counters')],
  ['Faults', FAULTS.rowsOf('What is wrong')],
  ['LinkFaults', FAULTS.rowsOf('LinkFaults')],
  ['HandshakeFaults', FAULTS.rowsOf('The handshake')],
  ['DisconnectFault', FAULTS.rowsOf('The end')],
  ['HalfOpenFault', FAULTS.rowsOf('Half open')],
  ['DisconnectOptions', FAULTS.rowsOf('DisconnectOptions')],
  ['PluginApi', PLUGIN.entries],
  ['LoadScript', CLI.rowsOf('LoadScript')],
  ['ScriptClient', CLI.rowsOf('ScriptClient')],
]
const OPTIONS_OF_A_SERVER = [...OPTIONS.entriesIn('Everywhere'), ...OPTIONS.entriesIn('Server')].filter(
  ([name]) => name !== 'wsHandlers',
)
/** Explained where they are used, in a line. */
const WITHOUT_A_LIST = [
  'BenchReport',
  'ControlConnection',
  'FaultCounts',
  'FaultHandle',
  'FaultInfo',
  'FaultOptions',
  'FaultPage',
  'FaultRow',
  'HandlerDocs',
  'JournalPage',
  'JournalRow',
  'Logger',
  'MatchedConnection',
  'Moment',
  'On',
  'Random',
  'Scenario',
  'SchemaIssue',
  'StandardSchema',
  'StaticFile',
  'TlsFiles',
  'UniversalApiPlugin',
  'ChoiceRule',
]

/** The same of `sidewire/testing`. */
const MEMBERS_OF_TESTING: typeof MEMBERS = [
  ['TestServer', TESTING.entries],
  ['TestServerOptions', new Map([...OPTIONS_OF_A_SERVER, ...TESTING.rowsOf('Options of a test server')])],
  ['Which', TESTING.rowsOf('Which')],
  ['Refusal', TESTING.rowsOf('Refusal')],
  ['TestConnection', TESTING.rowsOf('TestConnection')],
  ['TestClient', TESTING.rowsOf('TestClient')],
  ['ConnectOptions', TESTING.rowsOf('ConnectOptions')],
  ['ClientTls', TESTING.rowsOf('ClientTls')],
  ['Messages', TESTING.rowsOf('Messages')],
  ['Expecting', TESTING.rowsOf('Expecting')],
  ['Closed', TESTING.rowsOf('Closed')],
  ['Entry', TESTING.rowsOf('Entry')],
  ['TestClock', TESTING.rowsOf('TestClock')],
  ['SidewireMatchers', TESTING.rowsOf('SidewireMatchers')],
]

/** The same of `sidewire/replay`. */
const MEMBERS_OF_REPLAY: typeof MEMBERS = [['ReplayOptions', REPLAY.rowsOf('ReplayOptions')]]

/** The same of `sidewire/asyncapi`. */
const MEMBERS_OF_ASYNCAPI: typeof MEMBERS = [
  ['AsyncApiOptions', ASYNCAPI.rowsOf('AsyncApiOptions')],
  ['AsyncApiAbout', ASYNCAPI.rowsOf('AsyncApiAbout')],
]

const types = new TypesOfPackage()
const typesOfTesting = new TypesOfPackage('src/testing/index.ts', types)
const typesOfReplay = new TypesOfPackage('src/recording/replay.ts', types)
const typesOfAsyncApi = new TypesOfPackage('src/asyncapi/asyncapi.ts', types)

describe.each([
  ...MEMBERS.map(([type, entries]) => ({ type, entries, of: types })),
  ...MEMBERS_OF_TESTING.map(([type, entries]) => ({ type, entries, of: typesOfTesting })),
  ...MEMBERS_OF_REPLAY.map(([type, entries]) => ({ type, entries, of: typesOfReplay })),
  ...MEMBERS_OF_ASYNCAPI.map(([type, entries]) => ({ type, entries, of: typesOfAsyncApi })),
])('$type', ({ type, entries, of }) => {
  it('has all its members in the reference, and no others', () => {
    expect([...entries.keys()].toSorted()).toEqual(of.membersOf(type).toSorted())
  })

  it('has their types', () => {
    const wrong = of.unlike(type, new Map([...entries].map(([name, { type: said }]) => [name, said])))
    expect(wrong).toEqual([])
  })
})

it('documents all types of the package that have members', () => {
  const documented = [...MEMBERS.map(([type]) => type), ...WITHOUT_A_LIST]
  expect(documented.toSorted()).toEqual(types.interfaces.toSorted())
  // A TestPeer is a TestConnection without its last members.
  const ofTesting = [...MEMBERS_OF_TESTING.map(([type]) => type), 'TestPeer']
  expect(ofTesting.toSorted()).toEqual(typesOfTesting.interfaces.toSorted())
  expect(MEMBERS_OF_REPLAY.map(([type]) => type)).toEqual(typesOfReplay.interfaces)
  expect(MEMBERS_OF_ASYNCAPI.map(([type]) => type)).toEqual(typesOfAsyncApi.interfaces)
})

it('lists what the package exports', () => {
  const listed = [
    ...page('index.md')
      .rowsOf('What the package exports', /`(\w+)`/g)
      .keys(),
  ]
  expect(listed.toSorted()).toEqual(types.exports.toSorted())
  const ofTesting = [...TESTING.rowsOf('What it exports', /`(\w+)`/g).keys()]
  expect(ofTesting.toSorted()).toEqual(typesOfTesting.exports.toSorted())
  const ofReplay = [...REPLAY.rowsOf('What it exports', /`(\w+)`/g).keys()]
  expect(ofReplay.toSorted()).toEqual(typesOfReplay.exports.toSorted())
  const ofAsyncApi = [...ASYNCAPI.rowsOf('What it exports', /`(\w+)`/g).keys()]
  expect(ofAsyncApi.toSorted()).toEqual(typesOfAsyncApi.exports.toSorted())
})

it('says the errors of each call that the code says', () => {
  for (const [type, entries] of [...MEMBERS, ...MEMBERS_OF_TESTING]) {
    const of = MEMBERS.some(([name]) => name === type) ? types : typesOfTesting
    for (const [name, { errors }] of entries) {
      const thrown = of.thrownBy(type, name)
      if (thrown.length > 0) expect([type, name, codesIn(errors)]).toEqual([type, name, thrown])
    }
  }
})

it('has an anchor for each heading of a page', () => {
  for (const name of readdirSync(FOLDER)) {
    const text = readFileSync(join(FOLDER, name), 'utf8')
    const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading.toLowerCase().replaceAll('`', ''),
    )
    expect([name, headings.filter((heading, index) => headings.indexOf(heading) < index)]).toEqual([name, []])
  }
})

it('has a source for each entry', () => {
  const named = [
    ...OPTIONS.entries,
    ...HANDLER.entries,
    ...CONNECTION.entries,
    ...SERVER.entries,
    ...PLUGIN.entries,
    ...TESTING.entries,
  ]
  expect(named.filter(([, { source }]) => source === '').map(([name]) => name)).toEqual([])
})

/** A set of values that can be compared, whatever it has in it. */
function shape(value: unknown): string {
  return JSON.stringify(value, (key, each: unknown) => {
    if (key === 'source') return undefined // the handler as it was written
    if (each instanceof Map || each instanceof Set) return [...each]
    return typeof each === 'function' || each === Infinity ? String(each) : each
  })
}

const SECRET = { proxySecret: 'sixteen letters!' }
const KINDS = [
  {
    kind: 'option of a server',
    entries: new Map([...OPTIONS.entriesIn('Everywhere'), ...OPTIONS.entriesIn('Server')]),
    resolve: (options: Record<string, unknown>): any =>
      resolveServerOptions({
        ...(!('wsHandlers' in options) && { wsHandlers: [{ pattern: '/a' }] }),
        ...(('proxyHeaders' in options || 'trustedProxies' in options) && SECRET),
        ...options,
      }),
    /** Without the option: what is needed besides. */
    bare: (name: string): object =>
      name === 'wsHandlers'
        ? { wsHandlers: undefined }
        : name.startsWith('prox') || name === 'trustedProxies'
          ? SECRET
          : {},
  },
  {
    kind: 'option of the Vite plugin',
    entries: OPTIONS.entriesIn('Vite plugin'),
    resolve: (options: Record<string, unknown>): any => resolvePluginOptions(options),
    bare: () => ({}),
  },
  {
    kind: 'field of a handler',
    entries: HANDLER.entries,
    resolve: (fields: Record<string, unknown>): any =>
      resolveServerOptions({ wsHandlers: [{ pattern: '/a', ...fields }] }).handlers,
    bare: () => ({}),
  },
  {
    kind: 'field of compression',
    entries: HANDLER.rowsOf('CompressionOptions'),
    resolve: (compression: Record<string, unknown>): any =>
      resolveServerOptions({ wsHandlers: [{ pattern: '/a', compression }] }).handlers,
    bare: () => ({}),
  },
]

/** Of these some are taken by any option that has a default, and are another value than that. */
const OTHERS = [
  true,
  false,
  0,
  7,
  4000,
  '/x',
  'ws',
  'debug',
  'path',
  '::1',
  { host: '::1' },
  ['X-Forwarded-For'],
  [{ pattern: '/b' }],
  [{ match: () => true, response: 'b' }],
]

describe.each(KINDS)('each $kind', ({ entries, resolve, bare }) => {
  const attempt = (options: Record<string, unknown>): string | undefined => {
    try {
      return shape(resolve(options))
    } catch {
      return undefined
    }
  }
  const withDefault = [...entries].filter(([, entry]) => entry.literal !== undefined)

  it.each(withDefault)('%s has the default that is documented', (name, { literal }) => {
    if (name in SPECIAL) return SPECIAL[name as keyof typeof SPECIAL](literal)
    const value: unknown = runInNewContext(`(${literal})`)
    const without = shape(resolve({ ...bare(name) }))
    expect(attempt({ ...bare(name), [name]: value })).toBe(without)
    // As any value would do for an option that changes nothing.
    expect(
      OTHERS.map((other) => attempt({ [name]: other })).filter(
        (each) => each !== undefined && each !== without,
      ),
    ).not.toEqual([])
    return undefined
  })

  it('has a word for a default that is no value', () => {
    for (const [name, { literal, fallback }] of entries) {
      if (literal !== undefined) continue
      expect([name, fallback]).toEqual([
        name,
        expect.stringMatching(/^(?:none|required|the option of the same name)\b/),
      ])
      if (fallback.startsWith('none')) {
        const found: unknown = resolve({})[name]
        expect([name, found instanceof Map ? found.size : (found ?? 0)]).toEqual([name, 0])
      }
    }
  })

  it('says what 0 means where a number is taken, and whether it is', () => {
    for (const [name, { type, zero }] of entries) {
      if (!/^number(?: \| false)?$/.test(type)) continue
      expect([name, zero]).toEqual([name, expect.stringMatching(/./)])
      expect([name, zero.startsWith('not accepted')]).toEqual([
        name,
        attempt({ ...bare(name), [name]: 0 }) === undefined,
      ])
    }
  })

  it('says the unit of a number', () => {
    for (const [name, { type, unit }] of entries) {
      if (!/^number(?: \| false)?$/.test(type)) continue
      expect([name, unit]).toEqual([name, expect.stringMatching(/./)])
      const message = messageOf(() => resolve({ ...bare(name), [name]: 'no number' }))
      for (const word of ['milliseconds', 'bytes'])
        expect([name, word, unit.includes(word)]).toEqual([name, word, message.includes(word)])
    }
  })
})

/** Defaults that the resolved options do not show. */
const SPECIAL = {
  logger(literal: string | undefined): void {
    expect(literal).toBe('console')
    const info = vi.spyOn(console, 'info').mockReturnValue()
    createLogger('info', resolveServerOptions({}).logger).info('here')
    expect(info).toHaveBeenCalledOnce()
    info.mockRestore()
  },
  /** Without one, `server.url` has an address in it, as which of the two a name is differs. */
  host(literal: string | undefined): void {
    const { hosts } = resolveServerOptions({ host: runInNewContext(literal ?? '') as string })
    expect(hosts).toEqual(resolveServerOptions({}).hosts)
    expect(hosts).not.toEqual(resolveServerOptions({ host: '::1' }).hosts)
  },
  authenticate(literal: string | undefined): void {
    const verdict = (fields: object): unknown =>
      authenticate({ pattern: '/a', ...fields }, { headers: {} } as never)
    expect(verdict({ authenticate: runInNewContext(literal ?? '') })).toEqual(verdict({}))
    expect(verdict({ authenticate: true })).not.toEqual(verdict({}))
  },
}

it('has the options that the validation knows', () => {
  const known = (schema: unknown): string[] => Object.keys((schema as { entries: object }).entries).toSorted()
  expect(known(serverSchema)).toEqual(types.membersOf('ServerOptions').toSorted())
  expect(known(pluginSchema)).toEqual(types.membersOf('PluginOptions').toSorted())
})

it("has a handler's maxMessagesPerSecond fall back to the option", () => {
  expect(HANDLER.entries.get('maxMessagesPerSecond')?.fallback).toBe('the option of the same name')
  const { handlers } = resolveServerOptions({ maxMessagesPerSecond: 7, wsHandlers: [{ pattern: '/a' }] })
  expect(handlers[0]?.maxMessagesPerSecond).toBe(7)
})

describe('codes', () => {
  it('has every error code, with its cause and its cure', () => {
    const { entries } = page('error-codes.md')
    expect([...entries.keys()].toSorted()).toEqual(types.literalsOf('ErrorCode').toSorted())
    for (const [code, { cause, cure }] of entries)
      expect([code, cause, cure]).toEqual([code, expect.stringMatching(/./), expect.stringMatching(/./)])
  })

  it('names no error code that there is none of', () => {
    const known = types.literalsOf('ErrorCode')
    for (const name of readdirSync(FOLDER))
      expect([
        name,
        codesIn(readFileSync(join(FOLDER, name), 'utf8')).filter((code) => !known.includes(code)),
      ]).toEqual([name, []])
  })

  it('has every close code by number and name', () => {
    const rows = page('close-codes.md')
      .tables.flat()
      .map(({ cells: [code, name] }) => [name?.replaceAll('`', ''), Number(code)])
    expect(Object.fromEntries(rows)).toEqual(CloseCode)
  })

  it('has every reason of a refusal', () => {
    expect([...SERVER.rowsOf('RefusalReason').keys()].toSorted()).toEqual(
      types.literalsOf('RefusalReason').toSorted(),
    )
  })
})

it('has the defaults of a test server and of a refusal', () => {
  const { serverOptions, ...own } = resolveTestServerOptions([])
  const rows = TESTING.rowsOf('Options of a test server')
  const literals = (entries: ReadonlyMap<string, Entry>): unknown =>
    Object.fromEntries([...entries].map(([name, { literal }]) => [name, literal]))
  const inspected = (values: object): unknown =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, inspect(value)]))
  expect(literals(rows)).toEqual(inspected(own))
  expect(TESTING.textOf('Options of a test server')).toContain(
    `\`${inspect(serverOptions, { breakLength: Infinity })}\``,
  )
  expect(literals(TESTING.rowsOf('Refusal'))).toEqual(inspected(resolveRefusal('/a', {})))
})

it('has the defaults of replay', () => {
  const resolved = Object.entries(resolveReplayOptions({}))
  const ofValues = resolved.flatMap(([name, value]) => {
    if (name === 'logger') return [[name, 'console']]
    return value === undefined || typeof value === 'function'
      ? []
      : [[name, inspect(value).replaceAll(/\[ | \]/g, (each) => each.trim())]]
  })
  const literals = [...REPLAY.rowsOf('ReplayOptions')].flatMap(([name, { literal }]) =>
    literal === undefined ? [] : [[name, literal]],
  )
  expect(Object.fromEntries(literals)).toEqual(Object.fromEntries(ofValues))
})

/** Those that do something, by all of their names. */
function commandsIn(
  program: Command,
  before = '',
): readonly { readonly command: Command; readonly name: string }[] {
  return program.commands.flatMap((command) => {
    const name = `${before}${command.name()}`
    const own = command.commands.length === 0 || command.registeredArguments.length > 0
    return [...(own ? [{ command, name }] : []), ...commandsIn(command, `${name} `)]
  })
}

describe.each(commandsIn(createProgram()))('sidewire $name', ({ command, name }) => {
  const usage = command.registeredArguments.map((each) =>
    each.required ? `<${each.name()}>` : `[${each.name()}]`,
  )
  const rows = CLI.rowsOf(`\`sidewire ${[name, ...usage].join(' ')}\``, /^`(-[^`]*)`/)

  it('has every flag, and no other', () => {
    expect([...rows.keys()].toSorted()).toEqual(command.options.map(({ flags }) => flags).toSorted())
  })

  it.each(command.options.map((option) => [option.flags, option] as const))(
    '%s has its default, its choices, and what 0 means',
    (flags, option) => {
      const row = rows.get(flags)!
      const [, inText] = /\(default: (.*)\)$/.exec(option.description) ?? []
      const { defaultValue: value } = option as { defaultValue: unknown }
      const isGiven = value !== undefined && !(Array.isArray(value) && value.length === 0)
      const wanted = isGiven
        ? `${value as string | number}`
        : (inText ?? (option.isBoolean() ? 'off' : 'none'))
      expect(row.fallback.replaceAll('`', '')).toBe(wanted)
      for (const choice of option.argChoices ?? []) expect(row.text).toContain(`\`${choice}\``)
      if (/<(?:n|port|seconds|bytes|pid)>/.test(flags)) {
        const isTaken = messageOf(() => option.parseArg?.('0', undefined as never)) === ''
        expect([flags, row.zero === '' ? 'nothing' : row.zero.startsWith('not accepted')]).toEqual([
          flags,
          !isTaken,
        ])
      } else expect(row.zero).toBe('')
    },
  )
})

it('has every scenario of sidewire bench', () => {
  const rows = CLI.tables.flat().flatMap(({ cells: [first = ''] }) => /^`([a-z]+)`$/.exec(first)?.[1] ?? [])
  expect(rows.filter((name) => (SCENARIOS as readonly string[]).includes(name))).toEqual([...SCENARIOS])
})

/** The row of the table that each of them is. */
const CAPABILITIES: Record<keyof RuntimeCapabilities, string> = {
  unsolicitedPong: '`conn.pong()`',
  closeFrameOnParserError: 'a close frame',
  everyCloseCode: 'every code',
  remotePort: '`conn.req.socket.remotePort`',
  headerCase: '`conn.req.rawHeaders`',
  pathAsSent: '`conn.req.url`',
  bytesInTarget: 'bytes above 7F in a path',
  headerBytes: 'all bytes above 7F',
  refusesHttp10: 'a handshake over HTTP/1.0',
  handshakeTimeout: '[`handshakeTimeout`]',
  hangsUp: 'connections without a handshake',
  serverWindowBits: '`server_max_window_bits`',
  smallWindowWithoutTakeover: 'the same beside',
  closeWithoutCode: 'a close frame without a code',
  pausesReading: '`conn.pause()`',
}

it('has what each runtime can do', () => {
  vi.stubGlobal('Bun', { version: '' })
  const runtimes = [createUwsRuntime({} as never, ''), createWsRuntime(''), createBunRuntime()]
  vi.unstubAllGlobals()
  const rows = page('runtimes.md').tablesOf('What a handler may notice')[0]!
  expect(Object.keys(runtimes[0]!.capabilities).toSorted()).toEqual(Object.keys(CAPABILITIES).toSorted())
  expect(rows.length).toBe(Object.keys(CAPABILITIES).length)
  for (const [name, start] of Object.entries(CAPABILITIES)) {
    const said = rows.find(({ cells: [first = ''] }) => first.startsWith(start))?.cells.slice(1) ?? []
    const wanted = runtimes.map(({ capabilities }) => capabilities[name as keyof RuntimeCapabilities])
    expect([
      name,
      said.map((cell) => (Array.isArray(wanted[0]) ? cell : /^(?:yes|no)\b/.exec(cell)?.[0])),
    ]).toEqual([
      name,
      wanted.map((each) => (typeof each === 'boolean' ? (each ? 'yes' : 'no') : each.join(', '))),
    ])
  }
})

function codesIn(text: string): string[] {
  return [...new Set(text.match(/\bERR_[A-Z_]+\b/g))].toSorted()
}

/** What it throws with, `''` if it does not. */
function messageOf(run: () => unknown): string {
  try {
    run()
    return ''
  } catch (thrown) {
    return (thrown as Error).message
  }
}
