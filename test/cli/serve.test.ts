import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { connect } from '../../src/testing/index.ts'
import { connectWs } from '../support/client.ts'
import { HANDSHAKE, RawClient } from '../support/raw-client.ts'
import { createCertificate } from './certificate.ts'
import { endAll, listen, PLATFORMS, project, ROOT, run, serve, TARGETS } from './cli.ts'

afterEach(endAll)

const ECHO = `export default { wsHandlers: [{ pattern: '/echo', onMessage: (conn, data) => conn.send(data) }] }`

describe.each(TARGETS)('start on $runtime', (target) => {
  const { runtime } = target
  const about = {
    uws: /^sidewire on uWebSockets\.js on Node \d+\.\d+\.\d+ \(runtime uws\)$/,
    ws: /^sidewire on ws on Node \d+\.\d+\.\d+ \(runtime ws\)$/,
    bun: /^sidewire on Bun\.serve of Bun \d+\.\d+\.\d+ \(runtime bun\)$/,
  }[runtime]

  test('prints the runtime, the URL of each handler, and how to stop', async () => {
    const cwd = project({
      'sidewire.config.mjs': `
        const onMessage = (conn, data) => conn.send(data)
        export default {
          endpointPrefix: ['/api', 'v2/'],
          wsHandlers: [
            { pattern: '/chat', onMessage },
            { pattern: 'game/{id}', onMessage },
            { pattern: '/off', disabled: true },
          ],
        }`,
    })
    const cli = serve(cwd, [], target)
    await cli.line(about)
    await cli.line(/Ctrl-C/)
    const urls = cli.stdout.slice(1, -1).map((line) => line.trim())
    const base = urls[0]!.slice(0, -'/api/chat'.length)
    expect(base).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/)
    expect(urls).toEqual([
      ...['/api/chat', '/v2/chat', '/api/game/{id}', '/v2/game/{id}'].map((path) => base + path),
      `${base.replace('ws', 'http')}/.sidewire/ the inspector: what happens, live`,
    ])
    expect(cli.stdout.at(-1)).toBe('  Ctrl-C stops it')
    expect(cli.stderr).toEqual([])
    for (const url of urls.slice(0, -1)) {
      const client = await connectWs(url.replace('{id}', '7'))
      client.json({ url })
      expect(await client.next()).toEqual({ url })
      client.close()
    }
  })

  test('answers plain HTTP and handshakes that no handler takes', async () => {
    const url = await serve(project({ 'sidewire.config.mjs': ECHO }), [], target).started()
    const http = url.replace(/^ws(.*)\/api\/echo$/, 'http$1')
    const health = await fetch(`${http}/healthz`)
    expect([health.status, await health.text()]).toEqual([200, 'ok'])
    const port = Number(new URL(url).port)
    const upgradeRequired = await new RawClient(port).request('/api/echo', {})
    expect([upgradeRequired.status, upgradeRequired.headers['upgrade']]).toEqual([426, 'websocket'])
    for (const path of ['/', '/api', '/echo', '/api/echo/', '/apix/echo'])
      expect((await fetch(http + path)).status).toBe(404)
    expect((await fetch(`${http}/healthz`, { method: 'POST' })).status).toBe(404)
    expect((await new RawClient(port).request('/api/other', HANDSHAKE)).status).toBe(404)
    expect(
      (await new RawClient(port).request('/api/echo', { ...HANDSHAKE, Connection: 'close' })).status,
    ).toBe(400)
    const version = await new RawClient(port).request('/api/echo', {
      ...HANDSHAKE,
      'Sec-WebSocket-Version': '8',
    })
    expect([version.status, version.headers['sec-websocket-version']]).toEqual([426, '13'])
  })

  test('speaks wss and https with the certificate of the config', async () => {
    const { cert, key } = createCertificate()
    const cwd = project({
      'cert.pem': cert,
      'key.pem': key,
      'sidewire.config.mjs': `
        import { join } from 'node:path'
        export default {
          tls: { cert: join(import.meta.dirname, 'cert.pem'), key: new URL('key.pem', import.meta.url).pathname },
          wsHandlers: [{ pattern: '/tls', onConnect: (conn) => conn.send({ encrypted: conn.req.socket.encrypted }) }],
        }`,
    })
    const url = await serve(cwd, [], target).started()
    expect(url).toMatch(/^wss:\/\/127\.0\.0\.1:\d+\/api\/tls$/)
    // The certificate is checked: it is this one, and good for this host.
    const client = await connect(url, { tls: { ca: cert }, timeout: 30_000 })
    expect(await client.received.next()).toEqual({ encrypted: true })
    client.close()
    const status = await new Promise((resolve, reject) => {
      const { port } = new URL(url)
      const ask = request({ host: '127.0.0.1', port, path: '/healthz', ca: cert, agent: false })
      ask.once('response', (response) => resolve(response.resume().statusCode))
      ask.once('error', reject).end()
    })
    expect(status).toBe(200)
  })
})

describe('flags', () => {
  test('override the file', async () => {
    const blocker = await listen(0)
    const cwd = project({
      'sidewire.config.mjs': ECHO.replace(
        '{',
        `{ port: ${blocker.port}, host: '203.0.113.1', endpointPrefix: '/file', runtime: 'bun', logLevel: 'silent',`,
      ),
    })
    const cli = serve(cwd, ['--runtime', 'ws', '--host', '::1', '--prefix', '/flag', '--log-level', 'info'])
    await cli.line(/\(runtime ws\)$/)
    const url = await cli.started()
    expect(url).toMatch(/^ws:\/\/\[::1\]:\d+\/flag\/echo$/)
    const client = await connectWs(url)
    client.json(1)
    expect(await client.next()).toBe(1)
    client.close()
    await blocker.close()
  })

  test('--prefix / takes the prefix away', async () => {
    const url = await serve(project({ 'sidewire.config.mjs': ECHO }), ['--prefix', '/']).started()
    expect(new URL(url).pathname).toBe('/echo')
    ;(await connectWs(url)).close()
  })

  test('--port takes that port', async () => {
    const blocker = await listen(0)
    await blocker.close()
    const url = await serve(project({ 'sidewire.config.mjs': ECHO }), ['--port', `${blocker.port}`]).started()
    expect(new URL(url).port).toBe(`${blocker.port}`)
  })

  test('--log-level warn leaves only trouble', async () => {
    const config = `export default { wsHandlers: [{ pattern: '/x', onConnect() { throw new Error('boom') } }] }`
    const blocker = await listen(0)
    await blocker.close()
    const cwd = project({ 'sidewire.config.mjs': config })
    const cli = serve(cwd, ['--port', `${blocker.port}`, '--log-level', 'warn'])
    // There is no line to wait for.
    const url = `ws://127.0.0.1:${blocker.port}/api/x`
    await expect.poll(() => connectWs(url).catch(() => undefined), { timeout: 8000 }).toBeDefined()
    await cli.line(/onConnect failed: Error: boom/)
    expect(cli.stdout).toEqual([])
  })

  test('--version and --help', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    const cwd = project()
    expect(await run(['--version'], { cwd })).toMatchObject({ code: 0, stdout: [version], stderr: [] })
    const help = await run(['serve', '--help'], { cwd })
    expect(help.code).toBe(0)
    for (const flag of ['--port', '--host', '--prefix', '--runtime', '--log-level', '--watch'])
      expect(help.stdout.join('\n')).toContain(flag)
  })

  test.each([[[]], [['--help']], [['help']]])('%j shows what there is, and opens no port', async (args) => {
    const cwd = project({ 'sidewire.config.mjs': ECHO })
    const { code, stdout, stderr } = await run(args, { cwd })
    expect([code, stderr]).toEqual([0, []])
    expect(stdout[0]).toBe('Usage: sidewire [options] [command]')
    for (const line of ['  $ sidewire serve', '  $ sidewire bench ws://localhost:8787/api/ws/echo'])
      expect(stdout).toContain(line)
  })

  test('the help of each command has defaults and examples', async () => {
    const cwd = project()
    const serves = (await run(['serve', '--help'], { cwd })).stdout.join(' ').replace(/\s+/g, ' ')
    const defaults = [...serves.matchAll(/(--[\w-]+)(?: <\w+>)? [^-]*?\(default: ([^)]*)\)/g)]
    expect(Object.fromEntries(defaults.map(([, flag, value]) => [flag, value]))).toEqual({
      '--port': '8787',
      '--host': 'this machine only',
      '--prefix': '/api',
      '--runtime': 'auto',
      '--perspective': 'found out, and said',
      '--seed': '1',
      '--log-level': 'info',
      '--control': 'off',
      '--no-inspector': 'on, for this machine',
      '--watch': 'off',
      '--metrics': 'off',
      '--workers': '1',
      '--broker': 'none',
    })
    for (const command of ['serve', 'tail', 'send', 'bench']) {
      const { stdout } = await run([command, '--help'], { cwd })
      const examples = stdout.slice(stdout.indexOf('Examples:') + 1)
      expect(examples.length).toBeGreaterThan(2)
      for (const line of examples.filter(Boolean)) expect(line).toMatch(`  $ sidewire ${command}`)
    }
  })

  test('the inspector is there on this machine, unless it is turned off, or others can connect', async () => {
    const cwd = project({ 'sidewire.config.mjs': ECHO })
    for (const [flags, isThere] of [
      [[], true],
      [['--host', '127.0.0.1'], true],
      [['--no-inspector'], false],
      [['--host', '0.0.0.0'], false],
    ] as const) {
      const cli = serve(cwd, flags)
      const url = await cli.started()
      const { status } = await fetch(new URL('/.sidewire/', url.replace('ws', 'http')))
      expect([flags, status]).toEqual([flags, isThere ? 200 : 404])
      expect(cli.stdout.some((line) => line.includes('the inspector'))).toBe(isThere)
      expect(cli.stderr).toEqual([])
    }
  })

  test('without a config file the start says so, and that this is the demo', async () => {
    const cwd = project({ 'sidewire.conf.ts': ECHO })
    const cli = serve(cwd)
    await cli.started()
    expect(cli.stdout[1]).toBe(`  no sidewire.config.{ts,mts,js,mjs,cts,cjs} in ${cwd}: this is the demo`)
    const named = serve(cwd, ['sidewire.conf.ts'])
    await named.started()
    expect(named.stdout.join('\n')).not.toContain('demo')
  })

  test('--watch without a config file says that it does nothing', async () => {
    const cli = serve(project(), ['--watch'])
    await cli.line(/--watch does nothing without a config file/)
    await cli.started()
  })
})

describe.each(PLATFORMS)('config files on $runtime', (target) => {
  const answering = (text: string): string =>
    `export default { wsHandlers: [{ pattern: '/x', onConnect: (conn) => conn.send('${text}') }] }`

  async function greeting(cwd: string, args: readonly string[] = []): Promise<unknown> {
    const client = await connectWs(await serve(cwd, args, target).started())
    const text = await client.next()
    client.close()
    return text
  }

  test('finds ts, mts, js and mjs, in this order', async () => {
    const names = ['ts', 'mts', 'js', 'mjs'].map((extension) => `sidewire.config.${extension}`)
    while (names.length > 0) {
      const cwd = project({
        'package.json': '{ "type": "module" }',
        ...Object.fromEntries(names.map((name) => [name, answering(name)])),
      })
      expect(await greeting(cwd)).toBe(names.shift())
    }
  })

  test('takes a path, of any name', async () => {
    const cwd = project({
      'sidewire.config.ts': answering('default'),
      'mocks/my server.mts': answering('asked'),
    })
    expect(await greeting(cwd, ['mocks/my server.mts'])).toBe('asked')
    expect(await greeting(cwd, [join(cwd, 'mocks/my server.mts')])).toBe('asked')
  })

  test('takes CommonJS', async () => {
    const source = answering('cjs').replace(
      'export default',
      'const { join } = require("path"); module.exports =',
    )
    expect(await greeting(project({ 'sidewire.config.js': source }))).toBe('cjs')
  })

  test('TypeScript, with types, enums, other files of the project, and packages', async () => {
    const cwd = project({
      'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }',
      'sidewire.config.ts': `
        import { readFileSync } from 'node:fs'
        import { defineConfig, defineHandler, SidewireError, type UniversalApiWsHandler } from 'sidewire'
        import modern from 'modern'
        import classic from 'classic'
        import { Kind, type Move } from './mocks/kinds'
        import { chat } from './mocks/chat.js'
        import limits from './mocks/limits.json'
        import { aliased } from '@/mocks/aliased'

        const game = defineHandler({
          pattern: '/game',
          onMessage(conn, data: Move) {
            const answer: Record<string, unknown> = {
              kind: Kind[data.kind], modern, classic, limits, aliased,
              beside: readFileSync(new URL('./mocks/limits.json', import.meta.url), 'utf8').length,
              folders: [import.meta.dirname, __dirname],
            }
            try {
              conn.send(undefined)
            } catch (error) {
              answer['same'] = error instanceof SidewireError
            }
            conn.send(answer)
          },
        })
        const late: string = await Promise.resolve('/late')
        export default defineConfig({
          wsHandlers: [game, chat, { pattern: late } satisfies UniversalApiWsHandler],
        })`,
      'mocks/kinds.ts': `
        export enum Kind { Open, Raise = 7 }
        export const enum Flat { A = 1 }
        export interface Move { readonly kind: Kind }`,
      'mocks/chat.ts': `
        import type { UniversalApiWsHandler } from 'sidewire'
        abstract class Base { protected constructor(private readonly room: string) {} name(): string { return this.room } }
        class Room extends Base { constructor() { super('lobby') } }
        export const chat: UniversalApiWsHandler = { pattern: '/chat', defaultRoom: new Room().name() }`,
      'mocks/limits.json': '{ "max": 3 }',
      'mocks/aliased.ts': `export const aliased = 'tsconfig paths'`,
      'node_modules/modern/package.json': '{ "name": "modern", "type": "module", "exports": "./main.js" }',
      'node_modules/modern/main.js': `export default 'ES module'`,
      'node_modules/classic/package.json': '{ "name": "classic", "main": "main.js" }',
      'node_modules/classic/main.js': `module.exports = 'CommonJS'`,
    })
    const cli = serve(cwd, [], target)
    const client = await connectWs(await cli.started())
    client.json({ kind: 7 })
    expect(await client.next()).toEqual({
      kind: 'Raise',
      modern: 'ES module',
      classic: 'CommonJS',
      limits: { max: 3 },
      aliased: 'tsconfig paths',
      beside: 12,
      folders: [cwd, cwd],
      same: true,
    })
    client.close()
    expect(cli.stdout.slice(1).map((line) => line.trim().replace(/^(?:ws|http):..[^/]+/, ''))).toEqual([
      '/api/game',
      '/api/chat',
      '/api/late',
      '/.sidewire/ the inspector: what happens, live',
      'Ctrl-C stops it',
    ])
    expect(cli.stderr).toEqual([])
  })
})

test('the stack of a handler that throws points into the TypeScript file', async () => {
  const cwd = project({
    'sidewire.config.ts': `import { fail } from './fail'\nexport default { wsHandlers: [{ pattern: '/x', onConnect: fail }] }`,
    'fail.ts': `interface Unused {}\n\nexport function fail(): void {\n  throw new Error('boom')\n}`,
  })
  const cli = serve(cwd)
  const client = await connectWs(await cli.started())
  await cli.line(/\/x \(connection [-0-9a-f]{36}\): onConnect failed: Error: boom/)
  expect((await cli.line(/^ +at /)).input).toContain(`${join(cwd, 'fail.ts')}:4:`)
  expect((await client.closed).code).toBe(1011)
})
