import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import '../../src/testing/vitest.ts'
import { connectWs } from '../support/client.ts'
import { endAll, PLATFORMS, project, serve, TARGETS } from './cli.ts'

afterEach(endAll)

const RELOADED = /^sidewire: reloaded sidewire\.config\.\w+$/

/** A config whose handler answers with `version`, and with what the connection has kept. */
const config = (version: string): string => `
  import { defineConfig } from 'sidewire'
  export default defineConfig({
    wsHandlers: [{
      pattern: '/x',
      onConnect(conn) {
        conn.metadata.since = ${version}
        conn.joinRoom('r' + ${version})
      },
      onMessage(conn, data) {
        conn.metadata.messages = (conn.metadata.messages ?? 0) + 1
        conn.send({ version: ${version}, metadata: conn.metadata, rooms: conn.getRooms() })
        if (data === 'tell') conn.broadcast('told by ' + ${version}, { rooms: ['r1'] })
      },
    }],
  })`

describe.each(TARGETS)('--watch on $runtime', (target) => {
  test('swaps the handlers; connections, rooms and metadata stay', async () => {
    const cwd = project({ 'sidewire.config.ts': config('1') })
    const cli = serve(cwd, ['--watch'], target)
    const url = await cli.started()
    const [alice, bob] = await Promise.all([connectWs(url), connectWs(url)])
    alice.send('hi')
    expect(await alice.next()).toEqual({ version: 1, metadata: { since: 1, messages: 1 }, rooms: ['r1'] })

    writeFileSync(join(cwd, 'sidewire.config.ts'), config('2'))
    await cli.line(RELOADED)
    alice.send('tell')
    expect(await alice.next()).toEqual({ version: 2, metadata: { since: 1, messages: 2 }, rooms: ['r1'] })
    expect(await bob.next()).toBe('told by 2')
    const carol = await connectWs(url)
    carol.send('hi')
    expect(await carol.next()).toEqual({ version: 2, metadata: { since: 2, messages: 1 }, rooms: ['r2'] })
    expect(cli.stderr).toEqual([])
    for (const client of [alice, bob, carol]) client.close()
  })

  test('a timer of a handler ends with its version, and hands over what it has counted', async () => {
    const ticking = (version: number): string => `
      import { defineHandler } from 'sidewire'
      let timer: NodeJS.Timeout
      let ticks = 0
      export default { wsHandlers: [defineHandler({
        pattern: '/clock',
        onStart(service, handedOver) {
          ticks = handedOver ?? 0
          timer = setInterval(() => service.publish({ version: ${version}, tick: ++ticks }), 5)
        },
        onStop(_service, { reason }) {
          clearInterval(timer)
          console.log(${version}, reason)
          return ticks
        },
      })] }`
    const cwd = project({ 'sidewire.config.ts': ticking(1) })
    const cli = serve(cwd, ['--watch'], target)
    const client = await connectWs(await cli.started())
    const first = await client.next()
    expect(first.version).toBe(1)
    writeFileSync(join(cwd, 'sidewire.config.ts'), ticking(2))
    await cli.line(/^1 replaced$/)
    let last = first
    let ofSecond = 0
    while (ofSecond < 20) {
      const next = await client.next()
      expect(next.tick).toBe(last.tick + 1)
      // Nothing of the first comes behind the second.
      expect(next.version).toBeGreaterThanOrEqual(last.version)
      last = next
      if (next.version === 2) ofSecond++
    }
    cli.kill('SIGTERM')
    await cli.line(/^2 closed$/)
    expect((await client.closed).code).toBe(1001)
    expect(cli.stderr).toEqual([])
  })

  test('a handler that is gone closes its connections with 1001; a new one takes clients', async () => {
    const handlers = (...patterns: string[]): string =>
      `export default { wsHandlers: ${JSON.stringify(patterns.map((pattern) => ({ pattern })))} }`
    const cwd = project({ 'sidewire.config.mjs': handlers('/stays', '/goes') })
    const cli = serve(cwd, ['--watch'], target)
    const base = (await cli.started()).replace('/stays', '')
    const stays = await connectWs(`${base}/stays`)
    const goes = await connectWs(`${base}/goes`)
    writeFileSync(join(cwd, 'sidewire.config.mjs'), handlers('/new', '/stays'))
    await cli.line(RELOADED)
    expect((await goes.closed).code).toBe(1001)
    await expect(`${base}/goes`).toRefuse(404, { timeout: 30_000 })
    ;(await connectWs(`${base}/new`)).close()
    stays.ping('alive?')
    expect((await stays.nextPong()).toString()).toBe('alive?')
    stays.close()
  })
})

describe.each(PLATFORMS)('what --watch sees on $runtime', (target) => {
  const importing = `import { version } from './mocks/version'\n${config('version')}`
  const version = (value: number | string): string => `export const version: number = ${value}\n`

  async function start(files: Record<string, string>, name = 'sidewire.config.ts') {
    const cwd = project(files)
    const cli = serve(cwd, ['--watch', name], target)
    const client = await connectWs(await cli.started())
    return {
      cli,
      write: (path: string, text: string) => writeFileSync(join(cwd, path), text),
      path: (path: string) => join(cwd, path),
      /** The version that serves the connection from before the first change. */
      async ask(): Promise<number> {
        client.send('hi')
        return ((await client.next()) as { version: number }).version
      },
    }
  }

  test.each([
    ['ts', 50],
    ['mts', 2],
    ['js', 2],
    ['mjs', 2],
  ] as const)('sidewire.config.%s: %i reloads in a row', async (extension, reloads) => {
    const name = `sidewire.config.${extension}`
    const { cli, write, ask } = await start(
      { 'package.json': '{ "type": "module" }', [name]: config('0') },
      name,
    )
    for (let n = 1; n <= reloads; n++) {
      write(name, config(String(n)))
      await cli.line(RELOADED)
      expect(await ask()).toBe(n)
    }
    expect(cli.stderr).toEqual([])
  })

  test.each(['./mocks/version', './mocks/version.js', './mocks/version.json'])(
    'a change of an imported file (%s)',
    async (specifier) => {
      const json = specifier.endsWith('json')
      const file = json ? 'mocks/version.json' : 'mocks/version.ts'
      const content = (n: number): string => (json ? JSON.stringify({ version: n }) : version(n))
      const source = importing.replace('./mocks/version', specifier)
      const { cli, write, ask } = await start({ 'sidewire.config.ts': source, [file]: content(1) })
      for (const n of [2, 3]) {
        write(file, content(n))
        await cli.line(RELOADED)
        expect(await ask()).toBe(n)
      }
    },
  )

  test('a change of a file that is imported since a reload', async () => {
    const { cli, write, path, ask } = await start({ 'sidewire.config.ts': config('1') })
    mkdirSync(path('mocks'))
    write('mocks/version.ts', version(2))
    write('sidewire.config.ts', importing)
    await cli.line(RELOADED)
    expect(await ask()).toBe(2)
    write('mocks/version.ts', version(3))
    await cli.line(RELOADED)
    expect(await ask()).toBe(3)
  })

  test('a file that is replaced: by a rename, or removed and written again', async () => {
    const { cli, write, path, ask } = await start({
      'sidewire.config.ts': importing,
      'mocks/version.ts': version(1),
    })
    for (const n of [2, 3]) {
      write('mocks/version.ts.tmp', version(n))
      renameSync(path('mocks/version.ts.tmp'), path('mocks/version.ts'))
      await cli.line(RELOADED)
      expect(await ask()).toBe(n)
    }
    for (const n of [4, 5]) {
      rmSync(path('mocks'), { recursive: true })
      await cli.line(
        /not reloaded, the old handlers stay: cannot load sidewire\.config\.ts: .*mocks\/version/,
      )
      expect(await ask()).toBe(n - 1)
      mkdirSync(path('mocks'))
      write('mocks/version.ts', version(n))
      await cli.line(RELOADED)
      expect(await ask()).toBe(n)
    }
  })

  test('a writer who empties a file and is held up then is waited for', async () => {
    const { cli, path, ask } = await start({
      'sidewire.config.ts': importing,
      'mocks/version.ts': version(1),
    })
    const file = openSync(path('mocks/version.ts'), 'w')
    // Longer than between two looks.
    await pause(250)
    expect(await ask()).toBe(1)
    writeSync(file, version(2))
    closeSync(file)
    await cli.line(RELOADED)
    expect(await ask()).toBe(2)
    expect(cli.stdout.filter((line) => RELOADED.test(line))).toHaveLength(1)
    expect(cli.stderr).toEqual([])
  })

  test('an error keeps the old handlers, says what is wrong in one line, and is got over', async () => {
    const { cli, write, ask } = await start({
      'sidewire.config.ts': importing,
      'mocks/version.ts': version(1),
    })
    const kept = (what: string): RegExp =>
      new RegExp(`^sidewire: not reloaded, the old handlers stay: ${what}`)
    const steps: [file: string, text: string, says: RegExp][] = [
      [
        'mocks/version.ts',
        'export const\n  version = = 2',
        kept(String.raw`.*mocks.version\.ts:2: Unexpected "="`),
      ],
      ['mocks/version.ts', `throw new Error('boom')`, kept('cannot load sidewire.config.ts: .*boom')],
      ['mocks/version.ts', version(2).replace('version', 'other'), kept('.*No matching export')],
      ['mocks/version.ts', version(2), RELOADED],
      ['sidewire.config.ts', 'export const x = 1', kept('sidewire.config.ts has no default export')],
      ['sidewire.config.ts', '', kept('sidewire.config.ts has no default export')],
      [
        'sidewire.config.ts',
        config('3').replace('pattern', 'beat: 5, pattern'),
        kept(String.raw`unknown option "wsHandlers\[0\]\.beat"`),
      ],
      [
        'sidewire.config.ts',
        config('3').replace('/x', '/{x'),
        kept(String.raw`wsHandlers\[0\]\.pattern "/{x"`),
      ],
      [
        'sidewire.config.ts',
        `import { later } from './later'\n${config('later')}`,
        kept('.*Could not resolve "./later"'),
      ],
      ['later.ts', 'export const later = 4', RELOADED],
    ]
    let current = 1
    for (const [file, text, says] of steps) {
      const errors = cli.stderr.length
      write(file, text)
      await cli.line(says)
      if (says === RELOADED) current = current === 1 ? 2 : 4
      else expect(cli.stderr).toHaveLength(errors + 1)
      expect(await ask()).toBe(current)
    }
  })

  test('a change while a reload is running', async () => {
    const slow = `
      import { existsSync } from 'node:fs'
      import { setTimeout } from 'node:timers/promises'
      console.log('loading')
      while (!existsSync(import.meta.dirname + '/go')) await setTimeout(5)\n`
    const { cli, write, ask } = await start({
      'sidewire.config.ts': importing,
      'mocks/version.ts': version(1),
    })
    write('sidewire.config.ts', slow + importing)
    await cli.line(/^loading$/)
    write('mocks/version.ts', version(2))
    write('go', '')
    await cli.line(RELOADED)
    await cli.line(RELOADED)
    expect(await ask()).toBe(2)
  })

  test('flags keep overriding the file, and what needs a restart is said', async () => {
    const { cli, write, ask } = await start({ 'sidewire.config.ts': config('1') })
    write('sidewire.config.ts', config('2').replace('wsHandlers', `port: 1, host: '203.0.113.1', wsHandlers`))
    await cli.line(/the change of "host" takes effect at the next start/)
    await cli.line(RELOADED)
    expect(cli.stderr).toHaveLength(1)
    expect(await ask()).toBe(2)
  })
})
