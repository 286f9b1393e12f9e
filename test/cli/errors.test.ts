import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
import { connectWs } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { createCertificate } from './certificate.ts'
import { Cli, endAll, listen, PLATFORMS, project, run, serve, TARGETS } from './cli.ts'
import type { Exit, Target } from './cli.ts'
import { installWithoutNative } from './without-native.ts'

afterEach(endAll)

/** One clear line on stderr, exit code 1, nothing else: no stack, nothing half-started. */
function expectOneLine(result: Exit & { stdout: string[]; stderr: string[] }, says: RegExp): void {
  // On a Node without uws, who takes ws in its place is told so first.
  const stderr = result.stderr.filter(
    (line) => NODE_RUNTIME === 'uws' || !line.includes('so ws serves instead'),
  )
  expect({ ...result, stderr }).toEqual({
    code: 1,
    signal: null,
    stdout: [],
    stderr: [expect.stringMatching(says)],
  })
  expect(stderr[0]).toMatch(/^sidewire: \S/)
}

/** Runs `sidewire serve` to its failure; the port it was to listen on is free afterwards. */
async function fail(cwd: string, target: Target, args: readonly string[], says: RegExp): Promise<void> {
  const port = await freePort()
  expectOneLine(await run(['serve', '--port', `${port}`, ...args], { cwd, target }), says)
  await (await listen(port)).close()
}

/** Title, what is in the braces of `export default { ... }`, and the line that says what is wrong with it. */
const BAD_OPTIONS: readonly [title: string, options: string, says: RegExp][] = [
  [
    'unknown option',
    'wsHandler: []',
    /unknown option "wsHandler"; did you mean "wsHandlers"\? known are endpointPrefix, .*wsHandlers.*\(ERR_OPTION\)$/,
  ],
  [
    'unknown option of a handler',
    'wsHandlers: [{ pattern: "/x", onOpen() {} }]',
    /unknown option "wsHandlers\[0\]\.onOpen"; known are pattern, .*onConnect/,
  ],
  [
    'unknown option of a later handler',
    'wsHandlers: [{ pattern: "/x" }, { pattern: "/y", heartBeat: 5 }]',
    /unknown option "wsHandlers\[1\]\.heartBeat"; did you mean "heartbeat"\?/,
  ],
  [
    'unknown option of compression',
    'wsHandlers: [{ pattern: "/x", compression: { treshold: 1 } }]',
    /unknown option "wsHandlers\[0\]\.compression\.treshold"; did you mean "threshold"\? known are enabled, threshold/,
  ],
  [
    'unknown option of a response rule',
    'wsHandlers: [{ pattern: "/x", responses: [{ match: () => true, reply: 1 }] }]',
    /unknown option "wsHandlers\[0\]\.responses\[0\]\.reply"; known are match, response, broadcast/,
  ],
  [
    'unknown option of tls',
    'tls: { cert: "a", key: "b", ca: "c" }',
    /unknown option "tls\.ca"; known are cert, key/,
  ],
  [
    'unknown option of a file',
    'files: { "/": { type: "text/html", body: "", status: 200 } }',
    /unknown option "files\.\/\.status"; known are type, body/,
  ],
  [
    'wrong type',
    'wsHandlers: [{ pattern: "/x", heartbeat: "5s" }]',
    /"wsHandlers\[0\]\.heartbeat" is "5s"; it has to be false, 0, or a number of milliseconds from 100/,
  ],
  [
    'no list of handlers',
    'wsHandlers: { pattern: "/x" }',
    /"wsHandlers" is \{"pattern":"\/x"\}; it has to be a list of handlers/,
  ],
  ['no handler', 'wsHandlers: [undefined]', /"wsHandlers\[0\]" is undefined; it has to be a handler/],
  [
    'no hook',
    'wsHandlers: [{ pattern: "/x", onMessage: "echo" }]',
    /"wsHandlers\[0\]\.onMessage" is "echo"; it has to be a function/,
  ],
  [
    'missing pattern',
    'wsHandlers: [{ onMessage() {} }]',
    /"wsHandlers\[0\]\.pattern" is missing; it has to be a path/,
  ],
  [
    'negative number',
    'wsHandlers: [{ pattern: "/x", delay: -1 }]',
    /"wsHandlers\[0\]\.delay" is -1; it has to be a number of milliseconds from 0/,
  ],
  ['NaN', 'maxConnections: NaN', /"maxConnections" is NaN; it has to be a whole number, 0 for no limit/],
  [
    'NaN of a handler',
    'wsHandlers: [{ pattern: "/x", heartbeat: NaN }]',
    /"wsHandlers\[0\]\.heartbeat" is NaN; it has to be/,
  ],
  [
    'too large',
    'wsHandlers: [{ pattern: "/x", maxPayload: Infinity }]',
    /"wsHandlers\[0\]\.maxPayload" is Infinity; it has to be a whole number of bytes from 1/,
  ],
  [
    'not one of the values',
    'logLevel: "loud"',
    /"logLevel" is "loud"; it has to be one of 'silent', 'error', 'warn', 'info', 'debug'/,
  ],
  [
    'empty list of prefixes',
    'endpointPrefix: []',
    /"endpointPrefix" is \[\]; it has to be a list with at least one path/,
  ],
  [
    'duplicate pattern',
    'wsHandlers: [{ pattern: "/x" }, { pattern: "x" }]',
    /wsHandlers\[1\]\.pattern "x" is also the pattern of wsHandlers\[0\]; .*\(ERR_PATTERN_DUPLICATE\)$/,
  ],
  [
    'bad expression in a pattern',
    'wsHandlers: [{ pattern: "/{id:[a-}" }]',
    /wsHandlers\[0\]\.pattern "\/\{id:\[a-\}" has an expression for \{id\} that does not compile: .*\(ERR_PATTERN\)$/,
  ],
  [
    'brace that stays open',
    'wsHandlers: [{ pattern: "/{id" }]',
    /wsHandlers\[0\]\.pattern "\/\{id" has a "\{" without its "\}"; a parameter is \{name\}/,
  ],
  [
    'brace that was never open',
    'wsHandlers: [{ pattern: "/id}" }]',
    /wsHandlers\[0\]\.pattern "\/id\}" has a "\}" without its "\{"/,
  ],
  [
    'parameter twice',
    'wsHandlers: [{ pattern: "/{a}/{a}" }]',
    /wsHandlers\[0\]\.pattern "\/\{a\}\/\{a\}" has the parameter "a" twice/,
  ],
  [
    '** within a segment',
    'wsHandlers: [{ pattern: "/a**" }]',
    /wsHandlers\[0\]\.pattern "\/a\*\*" has a "\*\*" that is no whole segment/,
  ],
  [
    'circular response',
    'wsHandlers: [{ pattern: "/x", responses: [{ match: () => true, response: globalThis }] }]',
    /wsHandlers\[0\]\.responses\[0\]\.response can never be sent: .*(circular|cyclic).*\(ERR_RESPONSE\)$/,
  ],
  [
    'BigInt response',
    'wsHandlers: [{ pattern: "/x", responses: [{ match: () => true, response: { n: 1n } }] }]',
    /wsHandlers\[0\]\.responses\[0\]\.response can never be sent: .*BigInt.*\(ERR_RESPONSE\)$/,
  ],
  [
    'no file of the certificate',
    'tls: { cert: "no.pem", key: "no.pem" }',
    /"tls\.cert" is "no\.pem": there is no such file \(ERR_TLS\)$/,
  ],
  [
    'no file of the key',
    'tls: { cert: "good.pem", key: "no.pem" }',
    /"tls\.key" is "no\.pem": there is no such file \(ERR_TLS\)$/,
  ],
  ['folder for a certificate', 'tls: { cert: ".", key: "." }', /"tls\.cert" is "\.": EISDIR.* \(ERR_TLS\)$/],
  [
    'no certificate in the file',
    'tls: { cert: "bad.pem", key: "bad.pem" }',
    /"tls\.cert" is "bad\.pem": it has to be a PEM file \(ERR_TLS\)$/,
  ],
  [
    'key of another certificate',
    'tls: { cert: "good.pem", key: "other.pem" }',
    /"tls\.key" is "other\.pem": the key does not belong to the certificate in "good\.pem" .*\(ERR_TLS\)$/,
  ],
  [
    'certificate without key',
    'tls: { cert: "bad.pem" }',
    /"tls\.key" is missing; it has to be the path of a PEM file/,
  ],
  [
    'host of another machine',
    'host: "203.0.113.1"',
    /cannot listen on 203\.0\.113\.1:\d+: this machine has no such address; use '127\.0\.0\.1', .*\(ERR_LISTEN\)$/,
  ],
  [
    'host that does not exist',
    'host: "no-such-host.invalid"',
    /cannot listen on no-such-host\.invalid:\d+: the host name is unknown \(ERR_LISTEN\)$/,
  ],
]

/** Title, the whole file, and the line. Some platforms cannot say where a config threw. */
const BAD_FILES: readonly [title: string, source: string, says: RegExp][] = [
  [
    'syntax error',
    'import x from "sidewire"\nexport default {\n  port: 1,,\n}',
    /cannot load c\.ts: c\.ts:3: Expected identifier but found "," \(ERR_CONFIG\)$/,
  ],
  [
    'throws',
    'const a = 1\n\nthrow new Error("boom\\n\\nand more")\nexport default {}',
    /cannot load c\.ts: (c\.ts:3: )?boom \(ERR_CONFIG\)$/,
  ],
  ['throws what is no error', 'throw "text"\nexport default {}', /cannot load c\.ts: text \(ERR_CONFIG\)$/],
  [
    'rejects',
    'await Promise.reject(new TypeError("nope"))\nexport default {}',
    /cannot load c\.ts: (c\.ts:1: )?nope \(ERR_CONFIG\)$/,
  ],
  [
    'imports a file that is not there',
    'import { x } from "./nowhere"\nexport default { x }',
    /cannot load c\.ts: c\.ts:1: Could not resolve "\.\/nowhere" \(ERR_CONFIG\)$/,
  ],
  [
    'imports a package that is not there',
    '\nimport x from "no-such-package"\nexport default { x }',
    /cannot load c\.ts: c\.ts:\d: Could not resolve "no-such-package" \(ERR_CONFIG\)$/,
  ],
  [
    'imports what a file does not export',
    'import { x } from "./empty.ts"\nexport default { x }',
    /cannot load c\.ts: c\.ts:1: No matching export in "empty\.ts" for import "x" \(ERR_CONFIG\)$/,
  ],
  [
    'no default export',
    'export const options = {}',
    /c\.ts has no default export; write: export default defineConfig\(/,
  ],
  ['empty', '', /c\.ts has no default export; write: export default defineConfig\(/],
  [
    'exports a function',
    'export default () => ({})',
    /default export of c\.ts is a function; it has to be the options themselves/,
  ],
  [
    'exports a promise',
    'export default Promise.resolve({})',
    /default export of c\.ts is a promise; it has to be the options themselves/,
  ],
  [
    'exports a list',
    'export default []',
    /default export of c\.ts is a list; it has to be the options themselves/,
  ],
  [
    'exports null',
    'export default null',
    /default export of c\.ts is null; it has to be the options themselves/,
  ],
]

describe.each(PLATFORMS)('a bad config on $runtime', (target) => {
  test.each(BAD_OPTIONS)('%s', async (_title, options, says) => {
    const { cert, key } = createCertificate()
    const cwd = project({
      'c.ts': `export default { ${options} }`,
      'bad.pem': 'hello',
      'good.pem': cert + key,
      'other.pem': createCertificate().key,
    })
    await fail(cwd, target, ['c.ts'], says)
  })

  test.each(BAD_FILES)('%s', async (_title, source, says) => {
    await fail(project({ 'c.ts': source, 'empty.ts': 'export {}' }), target, ['c.ts'], says)
  })

  test('missing', async () => {
    await fail(
      project(),
      target,
      ['nope.ts'],
      /there is no config file "nope\.ts"; name one, or none for the demo/,
    )
    await fail(project({ 'dir/x.ts': '' }), target, ['dir'], /"dir" is a folder; name a file in it/)
  })
})

test.each(TARGETS)('a bad certificate, host or key on $runtime', async (target) => {
  const cwd = project({
    'tls.mjs': 'export default { tls: { cert: "bad.pem", key: "bad.pem" } }',
    'host.mjs': 'export default { host: "203.0.113.1" }',
    'bad.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  })
  const runtime = ['--runtime', target.runtime]
  await fail(cwd, target, ['tls.mjs', ...runtime], /there is no PEM certificate in it/)
  await fail(cwd, target, ['host.mjs', ...runtime], /this machine has no such address/)
})

describe('a port in use', () => {
  const cwd = (): string =>
    project({ 'sidewire.config.mjs': 'export default { wsHandlers: [{ pattern: "/x" }] }' })
  const says = (port: number): RegExp =>
    new RegExp(
      `cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use; stop the other .*\\(ERR_LISTEN\\)$`,
    )

  test.each(TARGETS)('$runtime against a plain server', async (target) => {
    const plain = await listen(0)
    const args = ['serve', '--port', `${plain.port}`, '--runtime', target.runtime]
    expectOneLine(await run(args, { cwd: cwd(), target }), says(plain.port))
    await plain.close()
  })

  test.each(TARGETS.flatMap((first) => TARGETS.map((second) => ({ first, second }))))(
    '$second.runtime against $first.runtime',
    async ({ first, second }) => {
      const folder = cwd()
      // Not 0: there some runtimes set other socket options.
      const port = await freePort()
      const url = await serve(folder, ['--port', `${port}`], first).started()
      const args = ['serve', '--port', `${port}`, '--runtime', second.runtime]
      expectOneLine(await run(args, { cwd: folder, target: second }), says(port))
      // The first one goes on.
      ;(await connectWs(url)).close()
    },
  )
})

describe('bad flags', () => {
  const table: readonly [args: string[], says: RegExp][] = [
    [
      ['--port', 'abc'],
      /option '--port <port>' argument 'abc' is invalid\. It has to be a number from 0 to 65535/,
    ],
    [['--port', '65536'], /argument '65536' is invalid\. It has to be a number from 0 to 65535/],
    [['--port', '-1'], /argument '-1' is invalid\. It has to be a number from 0 to 65535/],
    [['--port', '1e3'], /argument '1e3' is invalid/],
    [['--port'], /option '--port <port>' argument missing/],
    [['--host', ''], /option "host" is ""; it has to be an address/],
    [
      ['--runtime', 'foo'],
      /option '--runtime <name>' argument 'foo' is invalid\. Allowed choices are auto, uws, ws, bun/,
    ],
    [
      ['--log-level', 'loud'],
      /option '--log-level <level>' argument 'loud' is invalid\. Allowed choices are silent, error/,
    ],
    [
      ['--prot', '1'],
      /unknown option '--prot' \(Did you mean --port\?\) \(sidewire serve --help shows what there is\)$/,
    ],
    [['--nothing-like-it'], /unknown option '--nothing-like-it' \(sidewire serve --help/],
    [['one.ts', 'two.ts'], /too many arguments for 'serve'\. Expected 1 argument but got 2/],
  ]
  test.each(table)('%j', async (args, says) => {
    expectOneLine(await run(['serve', ...args], { cwd: project() }), says)
  })
})

describe('bad commands', () => {
  const table: readonly [args: string[], says: RegExp][] = [
    [['serv'], /unknown command 'serv' \(Did you mean serve\?\) \(sidewire --help shows what there is\)$/],
    [['bnech', 'ws://localhost:1'], /unknown command 'bnech' \(Did you mean bench\?\)/],
    [['mocks.ts'], /unknown command 'mocks\.ts' \(Did you mean sidewire serve mocks\.ts\?\)/],
    [['nothing-like-it'], /unknown command 'nothing-like-it' \(sidewire --help/],
    [['--port', '0'], /unknown option '--port' \(sidewire --help/],
  ]
  test.each(table)('%j', async (args, says) => {
    expectOneLine(await run(args, { cwd: project({ 'mocks.ts': 'export default {}' }) }), says)
  })
})

describe('a runtime that cannot load', () => {
  const [node, bun] = PLATFORMS as [Target, Target]
  const config = { 'sidewire.config.mjs': 'export default { wsHandlers: [{ pattern: "/x" }] }' }

  test('bun on Node', async () => {
    await fail(
      project(config),
      node,
      ['--runtime', 'bun'],
      /option "runtime" is "bun", but this is Node; start it with Bun: .*\(ERR_RUNTIME\)$/,
    )
  })

  test('uws on Bun', async () => {
    await fail(
      project(config),
      bun,
      ['--runtime', 'uws'],
      /option "runtime" is "uws", but uWebSockets\.js does not load in Bun; use "bun" or "auto".*\(ERR_RUNTIME\)$/,
    )
  })

  const why = String.raw`uWebSockets\.js does not load here \(no binary for Node [\d.]+ on \w+-\w+\)`
  /** Which one fits is the machine's affair: test/engine/how-to-get-uws.test.ts has them all. */
  const cure = '(?:npm install|it has|its builds|with glibc) '

  test('uws without its binary', async () => {
    const result = await run(['serve', '--runtime', 'uws'], installWithoutNative(config))
    expectOneLine(result, new RegExp(`${why}; ${cure}.* \\(ERR_RUNTIME\\)$`))
  })

  test('auto takes ws instead, and says in one line why and how to get the native one', async () => {
    const cli = new Cli(['serve', '--port', '0'], installWithoutNative(config))
    await cli.line(new RegExp(`${why}, so ws serves instead, slower; ${cure}`))
    await cli.line(/\(runtime ws\)$/)
    ;(await connectWs(await cli.started())).close()
    expect(cli.stderr).toHaveLength(1)
  })

  test('and a process that makes many servers says it once', async () => {
    const { cwd } = installWithoutNative(config)
    const script = join(cwd, 'servers.mjs')
    writeFileSync(
      script,
      `import { createServer } from 'sidewire'
      for (let i = 0; i < 3; i++) await (await createServer({ port: 0 })).close()
      console.log('served')`,
    )
    const { code, stdout, stderr } = await run([], { cwd, script })
    expect({ code, stdout }).toEqual({ code: 0, stdout: ['served'] })
    expect(stderr).toEqual([
      expect.stringMatching(new RegExp(`${why}, so ws serves instead, slower; ${cure}`)),
    ])
  })
})
