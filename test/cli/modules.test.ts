import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { connectWs } from '../support/client.ts'
import { endAll, PLATFORMS, project, serve } from './cli.ts'

afterEach(endAll)

const RELOADED = /^sidewire: reloaded /

/** What each form tells a client: that `sidewire` is the running one, where it is, and what it has imported. */
const tell = (places: string, version: number): string => `
  { wsHandlers: [{ pattern: '/x', onConnect(conn) {
    let isSame = false
    try { conn.send(undefined) } catch (error) { isSame = error instanceof SidewireError }
    conn.send({ version: ${version}, isSame, places: ${places}, helper, installed, shared: installed.count() })
  } }] }`
const FILES = {
  'mocks/helper.cjs': `exports.helper = 'CommonJS'`,
  'mocks/helper.mjs': `export const helper = 'ES module'`,
  'mocks/helper.ts': `export const helper: string = 'TypeScript'`,
  'node_modules/installed/package.json': `{ "name": "installed", "exports": { "import": "./main.mjs", "require": "./main.cjs" } }`,
  'node_modules/installed/main.mjs': `let n = 0; export default { form: 'import', count: () => ++n }`,
  'node_modules/installed/main.cjs': `let n = 0; module.exports = { form: 'require', count: () => ++n }`,
}

interface Form {
  readonly title: string
  readonly isCommonJs?: boolean
  readonly extensions: readonly string[]
  readonly helper: string
  readonly installed: 'import' | 'require'
  source(version: number): string
}

const META = '[import.meta.url, import.meta.dirname, import.meta.filename]'
const NAMES = '[new URL("file://" + __filename).href, __dirname, __filename]'
const FORMS: readonly Form[] = [
  {
    title: 'import and export default',
    extensions: ['js', 'mjs', 'ts', 'mts', 'cts'],
    helper: 'ES module',
    installed: 'import',
    source: (version) => `
      import { defineConfig, SidewireError } from 'sidewire'
      import installed from 'installed'
      import { helper } from './mocks/helper.mjs'
      export default defineConfig(${tell(META, version)})`,
  },
  {
    title: 'require and module.exports',
    isCommonJs: true,
    extensions: ['js', 'cjs', 'ts', 'cts'],
    helper: 'TypeScript',
    installed: 'require',
    source: (version) => `
      const { defineConfig, SidewireError } = require('sidewire')
      const installed = require('installed')
      const { helper } = require('./mocks/helper.ts')
      module.exports = defineConfig(${tell(NAMES, version)})`,
  },
  {
    title: 'what TypeScript makes of import and export default',
    isCommonJs: true,
    extensions: ['js', 'cjs'],
    helper: 'CommonJS',
    installed: 'require',
    source: (version) => `"use strict";
      Object.defineProperty(exports, "__esModule", { value: true });
      const sidewire_1 = require("sidewire");
      const { SidewireError } = sidewire_1;
      const installed = require("installed");
      const { helper } = require("./mocks/helper.cjs");
      exports.default = (0, sidewire_1.defineConfig)(${tell(NAMES, version)});`,
  },
  {
    title: 'import = require and export =',
    extensions: ['ts', 'cts'],
    helper: 'TypeScript',
    installed: 'require',
    source: (version) => `
      import sidewire = require('sidewire')
      import installed = require('installed')
      import { helper } from './mocks/helper'
      const { SidewireError } = sidewire
      export = sidewire.defineConfig(${tell(NAMES, version)})`,
  },
]
/** By the rules of Node, where an extension of two letters says nothing. */
const isEsModule = (extension: string, type: string): boolean => extension.length === 2 && type === 'module'
const TYPES = ['module', 'commonjs', 'none']
const TABLE = FORMS.flatMap(({ extensions, ...form }) =>
  extensions.flatMap((extension) =>
    TYPES.filter((type) => type !== 'none' || extension.length === 2).map((type) => ({
      ...form,
      extension,
      type,
      isMixed: form.isCommonJs && isEsModule(extension, type),
    })),
  ),
)
const manifestOf = (type: string): string => (type === 'none' ? '{}' : JSON.stringify({ type }))

/** A client's first message. */
async function told(url: string): Promise<unknown> {
  const client = await connectWs(url)
  const message: unknown = await client.next()
  client.close()
  return message
}

describe.each(PLATFORMS)('forms of a config on $runtime', (target) => {
  test.each(TABLE.filter(({ isMixed }) => !isMixed))('$title: .$extension, type $type', async (form) => {
    const name = `sidewire.config.${form.extension}`
    const cwd = project({ ...FILES, 'package.json': manifestOf(form.type), [name]: form.source(1) })
    const file = join(cwd, name)
    const cli = serve(cwd, ['--watch'], target)
    const url = await cli.started()
    const expected = {
      isSame: true,
      places: [pathToFileURL(file).href, cwd, file],
      helper: form.helper,
      installed: { form: form.installed },
    }
    expect(await told(url)).toEqual({ ...expected, version: 1, shared: 1 })
    writeFileSync(file, form.source(2))
    await cli.line(RELOADED)
    // An installed package keeps its state.
    expect(await told(url)).toEqual({ ...expected, version: 2, shared: 2 })
    expect(cli.stderr).toEqual([])
    // Nothing beside it, at no time: it would be seen in the folder's modification time by other watchers.
    expect(readdirSync(cwd).toSorted()).toEqual(['mocks', 'node_modules', 'package.json', name])
  })
})

describe.each(PLATFORMS)('forms that no platform takes on $runtime', (target) => {
  test.each(TABLE.filter(({ isMixed }) => isMixed))('$title: .$extension, type $type', async (form) => {
    const name = `sidewire.config.${form.extension}`
    const cwd = project({ ...FILES, 'package.json': manifestOf(form.type), [name]: form.source(1) })
    const cli = serve(cwd, [], target)
    expect(await cli.exited).toEqual({ code: 1, signal: null })
    expect(cli.stderr).toEqual([
      expect.stringMatching(
        /sidewire\.config\.[jt]s:\d: this file is an ES module, .* name it \.cjs or \.cts \(ERR_CONFIG\)$/,
      ),
    ])
  })
})

describe.each(PLATFORMS)('what a module knows of its place on $runtime', (target) => {
  test('each file of a bundle has its own', async () => {
    const cwd = project({
      'package.json': '{ "type": "module" }',
      'sidewire.config.ts': `#!/usr/bin/env sidewire
        import { createRequire } from 'node:module'
        import { inside } from './deep/inside.ts'
        const require = createRequire(import.meta.url)
        const names = ['./late.mjs', 'installed', 'node:path']
        const found = []
        for (const name of names) found.push(typeof (await import(name)).default)
        class Loader { import(name: string) { return 'a method: import(' + name + ')' } }
        let missing
        try { missing = require('not-installed') } catch (error) { missing = error.code }
        export default { wsHandlers: [{ pattern: '/x', onConnect: (conn) => conn.send({
          found, inside, missing, method: new Loader().import('x'), cjs: require('./deep/data.cjs'),
        }) }] }`,
      'late.mjs': 'export default 1',
      'deep/late.mjs': 'export default "deep"',
      'deep/data.cjs': 'module.exports = { dirname: __dirname }',
      'deep/inside.ts': `
        const name: string = './late.mjs'
        const late = (await import(name)).default
        export const inside: unknown = {
          late, ...import.meta, resolve: ['./x.js', 'installed', 'node:fs'].map((id) => import.meta.resolve(id)),
          ${target.runtime === 'bun' ? 'bun: [import.meta.dir, import.meta.path, import.meta.file],' : ''}
        }`,
      ...FILES,
    })
    const deep = join(cwd, 'deep')
    const file = join(deep, 'inside.ts')
    const installed = target.runtime === 'bun' ? 'main.mjs' : 'main.cjs'
    expect(await told(await serve(cwd, [], target).started())).toMatchObject({
      found: ['number', 'object', 'object'],
      missing: 'MODULE_NOT_FOUND',
      method: 'a method: import(x)',
      cjs: { dirname: deep },
      inside: {
        late: 'deep',
        dirname: deep,
        filename: file,
        url: pathToFileURL(file).href,
        resolve: [
          pathToFileURL(join(deep, 'x.js')).href,
          pathToFileURL(join(cwd, 'node_modules/installed', installed)).href,
          'node:fs',
        ],
        ...(target.runtime === 'bun' && { bun: [deep, file, 'inside.ts'] }),
      },
    })
  })

  test('an import that may be missing is missing', async () => {
    const cwd = project({
      'sidewire.config.cjs': `
        let found
        try { found = require('not-installed') } catch (error) { found = error.code }
        module.exports = { wsHandlers: [{ pattern: '/x', onConnect: (conn) => conn.send({ found }) }] }`,
    })
    expect(await told(await serve(cwd, [], target).started())).toEqual({ found: 'MODULE_NOT_FOUND' })
  })
})

describe.each(PLATFORMS)('the other entries of this package on $runtime', (target) => {
  const RECORDING = [
    '{"sidewire":"recording/1","at":"2026-11-25T20:00:00.000Z","url":"ws://localhost","tool":"hand","redacted":true}',
    '{"t":0,"conn":1,"type":"open","path":"/x","offered":[],"protocol":"","headers":{}}',
    '{"t":1,"conn":1,"from":"server","json":"recorded"}',
  ].join('\n')

  test.each([
    [
      'ts',
      `import { fromAsyncApi } from 'sidewire/asyncapi'\nimport { msgpack } from 'sidewire/codecs'\nimport { slow3g } from 'sidewire/faults'\nimport { jsonRpc } from 'sidewire/presets'\nimport { replay } from 'sidewire/replay'\nexport default`,
    ],
    [
      'cjs',
      `const { fromAsyncApi } = require('sidewire/asyncapi'), { msgpack } = require('sidewire/codecs'), { slow3g } = require('sidewire/faults'), { jsonRpc } = require('sidewire/presets'), { replay } = require('sidewire/replay'); module.exports =`,
    ],
  ])('are there for a config of a folder without an installed one: .%s', async (extension, start) => {
    const cwd = project({
      'recorded.jsonl': RECORDING,
      [`sidewire.config.${extension}`]: `${start} { endpointPrefix: '', wsHandlers: [
        { pattern: '/fault', onConnect: (conn) => conn.send([slow3g.bandwidth, typeof fromAsyncApi, typeof msgpack]) },
        jsonRpc({}, { pattern: '/rpc', onConnect: (client) => client.notify('ready') }), ...replay('recorded.jsonl')] }`,
    })
    const url = await serve(cwd, [], target).started()
    expect(await told(url)).toEqual([50_000, 'function', 'function'])
    expect(await told(url.replace('/fault', '/rpc'))).toEqual({ jsonrpc: '2.0', method: 'ready' })
    expect(await told(url.replace('/fault', '/x'))).toBe('recorded')
  })
})

describe.each(PLATFORMS)('packages of a workspace on $runtime', (target) => {
  const PACKAGE = {
    'package.json': '{ "name": "@acme/protocol", "exports": "./src/index.ts", "type": "module" }',
    'src/index.ts': `
      import { SidewireError } from 'sidewire'
      import installed from 'installed'
      import { greet } from './greet.js'
      enum Kind { Hello = 3 }
      export const hello: object = { text: greet(Kind.Hello), form: installed.form, own: typeof SidewireError }`,
    'src/greet.ts': `export const greet = (kind: number): string => \`hello \${kind}\``,
  }
  const CONFIG = `
    import { hello } from '@acme/protocol'
    export default { wsHandlers: [{ pattern: '/x', onConnect: (conn) => conn.send(hello) }] }`
  const HELLO = { text: 'hello 3', form: 'import', own: 'function' }
  const under = (folder: string): Record<string, string> =>
    Object.fromEntries(Object.entries(PACKAGE).map(([name, content]) => [join(folder, name), content]))

  test('one that is linked, in TypeScript; a change of it reloads', async () => {
    const cwd = project({ ...FILES, ...under('packages/protocol'), 'sidewire.config.ts': CONFIG })
    mkdirSync(join(cwd, 'node_modules/@acme'))
    symlinkSync('../../packages/protocol', join(cwd, 'node_modules/@acme/protocol'), 'junction')
    const cli = serve(cwd, ['--watch'], target)
    const url = await cli.started()
    expect(await told(url)).toEqual(HELLO)
    writeFileSync(join(cwd, 'packages/protocol/src/greet.ts'), `export const greet = () => 'changed'`)
    await cli.line(RELOADED)
    expect(await told(url)).toEqual({ ...HELLO, text: 'changed' })
  })

  test('one that is installed, in TypeScript', async () => {
    const cwd = project({ ...FILES, ...under('node_modules/@acme/protocol'), 'sidewire.config.ts': CONFIG })
    expect(await told(await serve(cwd, [], target).started())).toEqual(HELLO)
  })
})

describe.each(PLATFORMS)('symbolic links that are pointed elsewhere, with --watch on $runtime', (target) => {
  const version = (n: number): string => `export const version: number = ${n}`
  const config = (specifier: string): string => `
    import { version } from '${specifier}'
    export default { wsHandlers: [{ pattern: '/x', onConnect: (conn) => conn.send({ version }) }] }`
  const manifest = '{ "name": "linked", "exports": "./version.ts" }'
  /** Title, what the config imports, the link, and where it leads to. */
  const links: readonly [title: string, specifier: string, link: string, to: (n: number) => string][] = [
    ['a folder', './mocks/version', 'mocks', (n) => `v${n}`],
    ['a folder further up', './mocks/deep/version.js', 'mocks', (n) => `v${n}`],
    ['a folder with an index', './mocks', 'mocks', (n) => `v${n}`],
    ['a file', './version', 'version.ts', (n) => `v${n}/version.ts`],
    ['a linked package', 'linked', 'node_modules/linked', (n) => `../v${n}`],
    ['the folder of the config itself', './version', 'current', (n) => `v${n}`],
  ]
  test.each(links)('%s', async (_title, specifier, link, to) => {
    const files = (n: number): Record<string, string> => ({
      [`v${n}/version.ts`]: version(n),
      [`v${n}/deep/version.ts`]: version(n),
      [`v${n}/index.ts`]: version(n),
      [`v${n}/package.json`]: manifest,
      [`v${n}/sidewire.config.ts`]: config(specifier),
    })
    const cwd = project({ ...files(1), ...files(2), 'sidewire.config.ts': config(specifier) })
    mkdirSync(join(cwd, 'node_modules'))
    const point = (n: number): void => {
      rmSync(join(cwd, link), { force: true })
      symlinkSync(to(n), join(cwd, link), link === 'version.ts' ? 'file' : 'junction')
    }
    point(1)
    const name = link === 'current' ? 'current/sidewire.config.ts' : 'sidewire.config.ts'
    const cli = serve(cwd, ['--watch', name], target)
    const url = await cli.started()
    expect(await told(url)).toEqual({ version: 1 })
    for (const n of [2, 1]) {
      point(n)
      await cli.line(RELOADED)
      expect(await told(url)).toEqual({ version: n })
    }
    // What is behind it is watched as before.
    writeFileSync(
      join(
        cwd,
        'v1',
        link === 'mocks' && specifier.includes('deep') ? 'deep' : '',
        specifier === './mocks' ? 'index.ts' : 'version.ts',
      ),
      version(7),
    )
    await cli.line(RELOADED)
    expect(await told(url)).toEqual({ version: 7 })
    expect(cli.stderr).toEqual([])
  })
})

/** Even the superuser has to keep to permissions then. */
const POWERLESS =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] : []

describe.each(PLATFORMS)('nothing is left and nothing is needed on the disk on $runtime', (target) => {
  const CONFIG = `
    import { join } from 'node:path'
    import { readFileSync } from 'node:fs'
    import { helper } from './mocks/helper.mjs'
    import installed from 'installed'
    const text = readFileSync(join(import.meta.dirname, 'mocks/helper.mjs'), 'utf8').length
    export default { wsHandlers: [{ pattern: '/x', onConnect: (conn) => conn.send({ helper, text, installed }) }] }`
  const EXPECTED = {
    helper: 'ES module',
    text: FILES['mocks/helper.mjs'].length,
    installed: { form: 'import' },
  }

  function seal(...folders: string[]): void {
    for (const folder of folders) chmodSync(folder, 0o555)
  }

  test.each(['ts', 'mjs'])('a folder that cannot be written (.%s)', async (extension) => {
    const cwd = project({ ...FILES, [`sidewire.config.${extension}`]: CONFIG, 'tmp/x': '' })
    const tmp = join(cwd, 'tmp')
    seal(join(cwd, 'mocks'), cwd)
    const cli = serve(cwd, [], target, POWERLESS, { TMPDIR: tmp })
    expect(await told(await cli.started())).toEqual(EXPECTED)
    expect(readdirSync(tmp)).toEqual(['x'])
  })

  test.each(['ts', 'mjs'])('nor a temporary one (.%s)', async (extension) => {
    const cwd = project({ ...FILES, [`sidewire.config.${extension}`]: CONFIG })
    seal(join(cwd, 'mocks'), cwd)
    const cli = serve(cwd, [], target, POWERLESS, { TMPDIR: join(cwd, 'mocks') })
    expect(await told(await cli.started())).toEqual(EXPECTED)
    const without = serve(cwd, [], target, POWERLESS, { TMPDIR: join(cwd, 'none') })
    expect(await told(await without.started())).toEqual(EXPECTED)
  })

  test.each([
    ['a syntax error', 'export default {'],
    ['an import of nothing', `import './nothing'`],
    [
      'a name that a package does not export',
      `import { nothing } from 'installed'; export default { nothing }`,
    ],
    ['a throw', `throw new Error('boom')`],
    ['an end of the process', `process.exit(1)`],
    ['a signal', `process.kill(process.pid, 'SIGKILL'); await new Promise(() => {})`],
  ])('%s', async (_title, source) => {
    const cwd = project({ ...FILES, 'sidewire.config.ts': source, 'tmp/x': '' })
    const cli = serve(cwd, [], target, [], { TMPDIR: join(cwd, 'tmp') })
    expect((await cli.exited).code).not.toBe(0)
    expect(readdirSync(join(cwd, 'tmp'))).toEqual(['x'])
    expect(readdirSync(cwd).toSorted()).toEqual(['mocks', 'node_modules', 'sidewire.config.ts', 'tmp'])
  })
})
