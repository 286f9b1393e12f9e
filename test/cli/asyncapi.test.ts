import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { connectWs } from '../support/client.ts'
import { DIST, endAll, PLATFORMS, project, ROOT, run, serve } from './cli.ts'

afterEach(endAll)

const API = `asyncapi: 3.1.0
info: { title: Small, version: 1.0.0 }
channels: { a: { address: /a, messages: { hello: { payload: { type: string } } } } }
operations: { say: { action: send, channel: { $ref: '#/channels/a' } } }
`
const ODD = `asyncapi: 3.1.0
info: { title: Small, version: 1.0.0, contat: { name: a } }
x-sidewire-perspective: server
channels:
  a:
    address: /a
    bindings: { ws: { query: { type: object, required: [token], properties: { token: { type: string } } } } }
    messages: { ask: { payload: { type: string } }, close: { payload: { const: close } } }
operations: { get: { action: receive, channel: { $ref: '#/channels/a' } } }
`
const CONFIG = `export default { endpointPrefix: '/x', wsHandlers: [{ pattern: '/a/**' }] }`

test.each(PLATFORMS)('asyncapi check and export on $runtime', async (target) => {
  const cwd = project({
    'api.yaml': API,
    'odd.yaml': ODD,
    'broken.yaml': 'asyncapi: 3.1.0\nchannels: [',
    'sidewire.config.mjs': CONFIG,
  })
  expect(await run(['asyncapi', 'check', 'api.yaml'], { cwd, target })).toMatchObject({
    code: 0,
    stderr: [],
    stdout: [
      'Small',
      '  /a',
      '    sends hello, when a client connects',
      expect.stringContaining('api.yaml is taken for'),
      'nothing is odd in it',
    ],
  })
  // `--strict` is for who looks at the exit code, and not at the lines.
  for (const [flags, code] of [
    [[], 0],
    [['--strict'], 1],
  ] as const)
    expect(await run(['asyncapi', 'check', 'odd.yaml', ...flags], { cwd, target })).toMatchObject({
      code,
      stdout: [
        'Small',
        '  /a',
        '    its query needs token',
        '    gets  ask, no answer',
        '    gets  close, closes',
        expect.stringContaining('odd.yaml is taken for'),
      ],
      stderr: [expect.stringMatching(/^sidewire: odd\.yaml:2 .* did you mean "contact"\?$/)],
    })
  expect(await run(['asyncapi', 'check', 'api.yaml', '--strict'], { cwd, target })).toMatchObject({ code: 0 })
  expect(await run(['asyncapi', 'check', 'sidewire.config.mjs'], { cwd, target })).toMatchObject({
    code: 1,
    stderr: [expect.stringMatching(/^sidewire: sidewire\.config\.mjs is code, .* \(ERR_ASYNCAPI\)$/)],
  })
  expect(await run(['asyncapi', 'check', 'broken.yaml'], { cwd, target })).toMatchObject({
    code: 1,
    stderr: [expect.stringMatching(/^sidewire: broken\.yaml:2: .* \(ERR_ASYNCAPI\)$/)],
  })
  const exported = await run(['asyncapi', 'export', '-o', 'out.json', '--title', 'Mine'], { cwd, target })
  expect(exported).toMatchObject({
    code: 0,
    stdout: ['sidewire: wrote out.json, with 1 channel'],
    stderr: ['sidewire: /a/**: "**" becomes {any1}, because an address has no such thing'],
  })
  expect(JSON.parse(readFileSync(join(cwd, 'out.json'), 'utf8'))).toMatchObject({
    info: { title: 'Mine', version: '1.0.0' },
    servers: { main: { host: 'localhost:8787', protocol: 'ws' } },
    channels: { a: { address: '/x/a/{any1}' } },
  })
  expect(await run(['asyncapi', 'export', 'none.ts'], { cwd, target })).toMatchObject({
    code: 1,
    stderr: [expect.stringContaining('there is no config file "none.ts"')],
  })
})

const GREETING = (says: string, file = 'b.yaml'): string => `asyncapi: 3.1.0
info: { title: Server of greetings, version: 1.0.0 }
channels: { a: { address: /a, messages: { hello: { $ref: '${file}#/${says}' } } } }
operations: { say: { action: send, channel: { $ref: '#/channels/a' } } }
`
const WORDS = 'one: { payload: { const: one } }\ntwo: { payload: { const: two } }\n'

test.each(PLATFORMS)(
  'a document is served, and what it refers to is watched, on $runtime',
  async (target) => {
    const cwd = project({ 'api.yaml': GREETING('one'), 'b.yaml': WORDS })
    const cli = serve(cwd, ['--watch', 'api.yaml', '--seed', 'x'], target)
    const url = await cli.started()
    expect(url).toMatch(/:\d+\/a$/)
    expect(cli.stdout[0]).toMatch(/^sidewire: api\.yaml is taken for the document of the server, because/)
    expect(await (await connectWs(url)).next()).toBe('one')
    writeFileSync(join(cwd, 'b.yaml'), WORDS.replace('const: one', 'const: 1st'))
    await cli.line(/^sidewire: reloaded api\.yaml$/)
    expect(await (await connectWs(url)).next()).toBe('1st')
    writeFileSync(join(cwd, 'api.yaml'), GREETING('three'))
    expect((await cli.line(/not reloaded/)).input).toMatch(
      /^sidewire: not reloaded, the old handlers stay: api\.yaml:3 .*three.* \(ERR_ASYNCAPI\)$/,
    )
    expect(await (await connectWs(url)).next()).toBe('1st')
    writeFileSync(join(cwd, 'api.yaml'), GREETING('two'))
    await cli.line(/^sidewire: reloaded api\.yaml$/)
    expect(await (await connectWs(url)).next()).toBe('two')
  },
)

test('the flags of a document are for a document', async () => {
  const cwd = project({ 'api.yaml': GREETING('one'), 'b.yaml': WORDS, 'sidewire.config.mjs': CONFIG })
  expect(await run(['serve', '--perspective', 'client'], { cwd })).toMatchObject({
    code: 1,
    stderr: [
      'sidewire: --perspective is about an AsyncAPI document, such as sidewire serve api.yaml --perspective client (ERR_OPTION)',
    ],
  })
  const cli = serve(cwd, ['api.yaml', '--perspective', 'client', '--log-level', 'error'])
  await expect.poll(() => cli.stderr.concat(cli.stdout)).toEqual([])
})

test('without the packages that validate one line says how to have them', async () => {
  const cwd = project({ 'api.yaml': API })
  // A copy that stands alone, with what it depends on.
  cpSync(DIST, join(cwd, 'node_modules/sidewire/dist'), { recursive: true })
  cpSync(join(ROOT, 'package.json'), join(cwd, 'node_modules/sidewire/package.json'))
  for (const name of [
    'commander',
    'picocolors',
    'yaml',
    'esbuild',
    'es-module-lexer',
    'valibot',
    'pure-rand',
  ])
    cpSync(join(ROOT, 'node_modules', name), join(cwd, 'node_modules', name), { recursive: true })
  const script = join(cwd, 'node_modules/sidewire/dist/cli.js')
  expect(await run(['asyncapi', 'check', 'api.yaml'], { cwd, script })).toMatchObject({
    code: 1,
    stderr: [
      'sidewire: AsyncAPI documents need ajv, ajv-formats, json-schema-faker: npm install --save-dev ajv ajv-formats json-schema-faker (ERR_ASYNCAPI)',
    ],
  })
})
