import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { endAll, project, serve, TARGETS, type Cli, type Target } from '../cli/cli.ts'
import { connectWs, within, type TestClient } from '../support/client.ts'

afterEach(endAll)

const CHAT = `
  import { existsSync } from 'node:fs'
  if (existsSync('broken')) throw new Error('the configuration is broken')
  export default { wsHandlers: [{
    pattern: '/chat',
    onConnect: (conn) => conn.send({ pid: process.pid, version: 1 }),
    onMessage: (conn, { to, text }) => {
      if (text === 'join') conn.joinRoom(to)
      else conn.broadcast(text, to && { rooms: to })
      if (text === 'join') conn.send('joined')
    },
  }] }`

interface Guest {
  readonly client: TestClient
  readonly pid: number
  readonly version: number
}

async function enter(url: string): Promise<Guest> {
  const client = await connectWs(url)
  return { client, ...((await client.next()) as { pid: number; version: number }) }
}

/** The kernel spreads them as it likes: until there are two on different workers. */
async function enterTwo(url: string): Promise<[Guest, Guest]> {
  const first = await enter(url)
  for (;;) {
    const other = await enter(url)
    if (other.pid !== first.pid) return [first, other]
    other.client.close()
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function gone(pids: Iterable<number>): Promise<void> {
  for (const pid of pids) await expect.poll(() => isAlive(pid)).toBe(false)
}

function start(target: Target, workers: number, args: readonly string[] = []): { cwd: string; cli: Cli } {
  const cwd = project({ 'sidewire.config.mjs': CHAT })
  return { cwd, cli: serve(cwd, ['--workers', String(workers), ...args], target) }
}

describe.each(TARGETS)('$runtime', (target) => {
  test('a broadcast reaches all workers: each connection once, in order; a signal closes all with 1001', async () => {
    const { cli } = start(target, 3)
    await cli.line(/^sidewire: 3 workers on /)
    const url = await cli.started()
    const guests = await Promise.all(Array.from({ length: 30 }, () => enter(url)))
    const pids = new Set(guests.map(({ pid }) => pid))
    expect(pids.size).toBe(3)
    // A union whose members are on several workers, some of them in both rooms.
    for (const [n, { client }] of guests.entries()) {
      for (const to of n % 3 === 0 ? ['red', 'blue'] : n % 3 === 1 ? ['red'] : []) {
        client.json({ to, text: 'join' })
        expect(await client.next()).toBe('joined')
      }
    }
    const senders = guests.slice(0, 4)
    for (let n = 0; n < 25; n++)
      for (const [who, { client }] of senders.entries()) client.json({ text: [who, n] })
    senders[0]?.client.json({ to: ['red', 'blue'], text: 'union' })
    for (const [me, { client }] of guests.entries()) {
      const others = senders.flatMap((_, who) => (who === me ? [] : who))
      const isInUnion = me !== 0 && me % 3 !== 2
      const got: unknown[] = []
      while (got.length < others.length * 25 + (isInUnion ? 1 : 0)) got.push(await client.next())
      for (const who of others)
        expect(got.filter((each) => Array.isArray(each) && each[0] === who)).toEqual(
          Array.from({ length: 25 }, (_, n) => [who, n]),
        )
      expect(got.filter((each) => each === 'union')).toHaveLength(isInUnion ? 1 : 0)
    }
    // The port is in use, though all of ours share it.
    const other = serve(
      project({ 'sidewire.config.mjs': CHAT }),
      ['--port', new URL(url).port, '--workers', '2'],
      target,
    )
    await other.line(/cannot listen on .*: the port is in use.* \(ERR_LISTEN\)/)
    expect((await other.exited).code).toBe(1)

    cli.kill('SIGTERM')
    for (const { client } of guests) expect((await client.closed).code).toBe(1001)
    expect(await within(cli.exited, 'no end')).toEqual({ code: 0, signal: null })
    await gone(pids)
    expect(cli.stderr).toEqual([])
  })

  test('a worker that is killed takes its own clients with it, and another takes its place', async () => {
    const { cli } = start(target, 2)
    const url = await cli.started()
    const [one, two] = await enterTwo(url)
    process.kill(two.pid, 'SIGKILL')
    expect((await two.client.closed).code).toBe(1006)
    await cli.line(
      /^sidewire: worker \d is gone \(it ended with the signal SIGKILL\); another one starts in 1 s$/,
    )
    const next = await (async () => {
      for (;;) {
        const guest = await enter(url)
        if (guest.pid !== one.pid) return guest
        guest.client.close()
      }
    })()
    expect(next.pid).not.toBe(two.pid)
    // It hears the others, and they hear it.
    next.client.json({ text: 'hello' })
    expect(await one.client.next()).toBe('hello')
    one.client.json({ text: 'hello again' })
    expect(await next.client.next()).toBe('hello again')
    // Nobody outlives the supervisor, and clients get their close frames.
    cli.kill('SIGKILL')
    for (const { client } of [one, next]) expect((await client.closed).code).toBe(1001)
    await gone([one.pid, next.pid])
  })

  test('a reload is in all of them, or in none; SIGHUP replaces one after the other', async () => {
    const { cwd, cli } = start(target, 2, ['--watch'])
    const url = await cli.started()
    const before = await enterTwo(url)
    writeFileSync(
      join(cwd, 'sidewire.config.mjs'),
      CHAT.replace("pattern: '/chat'", "pattern: '/chat', delay: -1"),
    )
    await cli.line(/not reloaded, the old handlers stay: .*delay.* is -1/)
    writeFileSync(join(cwd, 'sidewire.config.mjs'), CHAT.replace('version: 1', 'version: 2'))
    await cli.line(/reloaded sidewire\.config\.mjs/)
    const after = await enterTwo(url)
    expect(after.map(({ version }) => version)).toEqual([2, 2])
    expect(new Set(after.map(({ pid }) => pid))).toEqual(new Set(before.map(({ pid }) => pid)))
    // Connections that were there have stayed, and are the same to each other.
    before[0].client.json({ text: 'still here' })
    expect(await before[1].client.next()).toBe('still here')

    if (process.platform === 'win32') return
    cli.kill('SIGHUP')
    for (const { client } of [...before, ...after]) expect((await client.closed).code).toBe(1001)
    const restarted = await enterTwo(url)
    for (const { pid } of restarted) expect(before.map((guest) => guest.pid)).not.toContain(pid)
    restarted[0].client.json({ text: 'new' })
    expect(await restarted[1].client.next()).toBe('new')
    expect(cli.stderr.filter((line) => line.includes('worker'))).toEqual([])
  })
})

const [NODE, BUN] = [TARGETS[0]!, TARGETS.at(-1)!]

test.each([NODE, BUN])(
  'a worker that cannot start is tried again, less and less often ($runtime)',
  async (target) => {
    const { cwd, cli } = start(target, 2)
    const url = await cli.started()
    const [one, two] = await enterTwo(url)
    writeFileSync(join(cwd, 'broken'), '')
    process.kill(two.pid, 'SIGKILL')
    await cli.line(/worker \d is gone .* another one starts in 1 s/)
    await cli.line(/worker \d did not start: .*the configuration is broken.*; another one starts in 2 s/)
    await cli.line(/worker \d did not start: .*the configuration is broken.*; another one starts in 4 s/)
    rmSync(join(cwd, 'broken'))
    const [, next] = await enterTwo(url)
    expect(next.pid).not.toBe(one.pid)
  },
)

test('what the first cannot start for is the end, in one line, and nothing stays behind', async () => {
  const before = hubs()
  const cwd = project({ 'sidewire.config.mjs': `export default { tls: { cert: 'no', key: 'no' } }` })
  const cli = serve(cwd, ['--workers', '2'], NODE)
  expect((await cli.exited).code).toBe(1)
  expect(cli.stderr).toEqual([expect.stringMatching(/\(ERR_TLS\)$/)])
  expect(hubs().filter((name) => !before.includes(name))).toEqual([])
})

test('limits of connections are divided', async () => {
  const cwd = project({ 'sidewire.config.mjs': CHAT.replace('wsHandlers', 'maxConnections: 10, wsHandlers') })
  const url = await serve(cwd, ['--workers', '3'], NODE).started()
  const tries = await Promise.allSettled(Array.from({ length: 60 }, () => enter(url)))
  const inside = tries.filter(({ status }) => status === 'fulfilled').length
  expect(inside).toBeGreaterThanOrEqual(10)
  expect(inside).toBeLessThanOrEqual(12)
})

test.each([
  [['--workers', '0'], /--workers/],
  [['--workers', 'many'], /--workers/],
])('%j is refused', async (args, message) => {
  const cli = serve(project({ 'sidewire.config.mjs': CHAT }), args, NODE)
  await cli.line(message)
  expect((await cli.exited).code).not.toBe(0)
})

test('workers of a config that are no number are refused', async () => {
  const cli = serve(
    project({ 'sidewire.config.mjs': CHAT.replace('wsHandlers', 'workers: 1.5, wsHandlers') }),
    [],
    NODE,
  )
  await cli.line(
    /option "workers" is 1\.5; it has to be a whole number from 1 to 1024, or 'auto' \(ERR_OPTION\)/,
  )
  expect((await cli.exited).code).toBe(1)
})

function hubs(): string[] {
  return readdirSync(tmpdir()).filter(
    (name) => /^sidewire-.{6}$/.test(name) && existsSync(join(tmpdir(), name, 'hub')),
  )
}
