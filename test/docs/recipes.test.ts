import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Cli, endAll, installedProject, TARGETS } from '../cli/cli.ts'
import { connectWs } from '../support/client.ts'
import { filesOf } from './pages.ts'

// Each recipe as it stands on the page, on every runtime: does a client see what the page says?

const files = Object.entries(filesOf('docs/recipes.md'))
const handlers = files.map(([name]) => name).filter((name) => name.endsWith('.ws.ts'))
const tried = new Set<string>()

/** All of them in one server. */
const CONFIG = `
import { defineConfig } from 'sidewire'
${handlers.map((name, index) => `import handler${index} from './${name}'`).join('\n')}
export default defineConfig({ wsHandlers: [${handlers.map((_, index) => `handler${index}`).join(', ')}] })
`

describe.each(TARGETS)('a recipe on $runtime', (target) => {
  let base = ''
  beforeAll(async () => {
    const folder = installedProject({ ...Object.fromEntries(files), 'sidewire.config.ts': CONFIG })
    const cli = new Cli(['serve', '--port', '0', '--runtime', target.runtime], { cwd: folder, target })
    base = `ws://${new URL(await cli.started()).host}/api`
  })
  afterAll(endAll)

  const recipe = (file: string, run: () => Promise<void>): void => {
    tried.add(file)
    it(file, run)
  }

  recipe('push.ws.ts', async () => {
    const client = await connectWs(`${base}/ws/push`)
    const before = performance.now()
    expect(await client.next()).toEqual({ type: 'tick', n: 1 })
    expect(await client.next()).toEqual({ type: 'tick', n: 2 })
    expect(performance.now() - before).toBeGreaterThan(800)
    client.close(1000)
    await client.closed
  })

  recipe('everyone.ws.ts', async () => {
    const client = await connectWs(`${base}/ws/everyone`)
    const { n } = await client.next()
    const other = await connectWs(`${base}/ws/everyone`)
    const next = { type: 'tick', n: n + 1 }
    expect([await client.next(), await other.next()]).toEqual([next, next])
    for (const each of [client, other]) {
      each.close(1000)
      await each.closed
    }
  })

  recipe('sequence.ws.ts', async () => {
    const client = await connectWs(`${base}/ws/job`)
    client.json({ job: 7 })
    expect([await client.next(), await client.next(), await client.next()]).toEqual([
      { job: 7, status: 'accepted' },
      { job: 7, status: 'running', progress: 0.5 },
      { job: 7, status: 'done', result: 42 },
    ])
    client.json({ job: 1 })
    client.json({ job: 2 })
    expect([await client.next(), await client.next()]).toMatchObject([{ job: 1 }, { job: 2 }])
  })

  recipe('refuse.ws.ts', async () => {
    await expect(connectWs(`${base}/ws/members`)).rejects.toThrow('401')
    const client = await connectWs(`${base}/ws/members`, { headers: { Authorization: 'Bearer secret' } })
    expect(await client.next()).toBe('welcome')
  })

  recipe('expired.ws.ts', async () => {
    const old = await connectWs(`${base}/ws/session?token=old`)
    expect(await old.closed).toEqual({ code: 4001, reason: 'token expired' })
    const client = await connectWs(`${base}/ws/session?token=fresh`)
    client.json({ type: 'logout' })
    expect(await client.closed).toEqual({ code: 4002, reason: 'logged out' })
  })

  recipe('drop.ws.ts', async () => {
    const client = await connectWs(`${base}/ws/flaky`)
    for (const n of [1, 2, 3]) {
      client.json({ n })
      expect(await client.next()).toEqual({ n })
    }
    client.json({ n: 4 })
    expect((await client.closed).code).toBe(1006)
  })

  recipe('vanish.ws.ts', async () => {
    const client = await connectWs(`${base}/ws/vanish`)
    client.json({ n: 1 })
    expect(await client.next()).toEqual({ n: 1 })
    client.json({ type: 'vanish' })
    client.json({ n: 2 })
    // What is answered behind it shows that nothing was said before.
    client.ping('there?')
    expect(String(await client.nextPong())).toBe('there?')
    client.terminate()
  })

  recipe('slow.ws.ts', async () => {
    const before = performance.now()
    const client = await connectWs(`${base}/ws/slow`)
    const open = performance.now()
    expect(open - before).toBeGreaterThan(250)
    for (const n of [1, 2, 3]) client.json(n)
    expect([await client.next(), await client.next(), await client.next()]).toEqual([1, 2, 3])
    const waited = performance.now() - open
    expect(waited).toBeGreaterThan(250)
  })

  recipe('reconnect.ws.ts', async () => {
    const ends = []
    for (const _ of [1, 2]) ends.push(await (await connectWs(`${base}/ws/reconnect`)).closed)
    expect(ends).toEqual(Array.from({ length: 2 }, () => ({ code: 1012, reason: 'restarting' })))
    const third = await connectWs(`${base}/ws/reconnect`)
    expect(await third.next()).toEqual({ type: 'welcome back', attempts: 3 })
    third.close(1000)
    await third.closed

    // The client of the page, which gives up when the test has heard what it wants.
    const code = filesOf('docs/recipes.md')['reconnecting.js'] ?? ''
    let goesOn = true
    const later = (run: (...args: unknown[]) => void, ms: number, ...args: unknown[]): void => {
      if (goesOn) setTimeout(() => run(...args), ms)
    }
    const page = { WebSocket, setTimeout: later, JSON }
    type Connect = (url: string, onMessage: (data: unknown) => void) => void
    const connect = runInNewContext(`${code}; connect`, page) as Connect
    const heard = await new Promise((resolve) => connect(`${base}/ws/reconnect`, resolve))
    goesOn = false
    expect(heard).toEqual({ type: 'welcome back', attempts: 6 })
  })

  recipe('canned.ws.ts', async () => {
    const client = await connectWs(`${base}/ws/rpc`)
    const other = await connectWs(`${base}/ws/rpc`)
    client.json({ method: 'ping' })
    expect(await client.next()).toEqual({ result: 'pong' })
    client.json({ method: 'add', a: 2, b: 3 })
    expect(await client.next()).toEqual({ result: 5 })
    client.json({ method: 'shout' })
    expect([await client.next(), await other.next()]).toEqual([{ shouted: true }, { shouted: true }])
    client.json({ method: 'note' })
    client.json({ method: 'fly' })
    expect(await client.next()).toEqual({ error: 'no method fly' })
  })
})

it('everyone.ws.ts goes on counting over a reload, and nobody gets two ticks', async () => {
  const { ['everyone.ws.ts']: code = '' } = filesOf('docs/recipes.md')
  const config = `import { defineConfig } from 'sidewire'
import everyone from './everyone.ws.ts'
export default defineConfig({ wsHandlers: [everyone] })`
  const folder = installedProject({ 'everyone.ws.ts': code, 'sidewire.config.ts': config })
  const cli = new Cli(['serve', '--watch', '--port', '0'], { cwd: folder })
  try {
    const url = `ws://${new URL(await cli.started()).host}/api/ws/everyone`
    const before = await connectWs(url)
    let { n } = await before.next()
    // Saved again until it is seen: the watcher takes two changes within 50 ms for one.
    await expect
      .poll(() => {
        writeFileSync(join(folder, 'everyone.ws.ts'), `${code}\n// saved at ${performance.now()}\n`)
        return cli.stdout.join('\n')
      })
      .toContain('reloaded')
    const after = await connectWs(url)
    const { n: first } = await after.next()
    while (n < first) expect(await before.next()).toEqual({ type: 'tick', n: ++n })
    const next = { type: 'tick', n: n + 1 }
    expect([await before.next(), await after.next()]).toEqual([next, next])
  } finally {
    await endAll()
  }
})

it('every recipe of the page is tried', () => {
  expect([...tried].toSorted()).toEqual(handlers.toSorted())
})
