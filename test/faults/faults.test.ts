import { existsSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { Cli, endAll, project, serve, TARGETS } from '../cli/cli.ts'
import { connectWs, nextPings, type TestClient } from '../support/client.ts'
import { RawClient } from '../support/raw-client.ts'

afterEach(endAll)

const HEARTBEAT = 150
/** The clients that keep to it send five messages a second, and may send six. */
const INACTIVITY = 1000
const FAULT_MS = 3000
const DAY_MS = 24 * 60 * 60 * 1000

const CONFIG = `
  function block(ms) {
    const end = performance.now() + ms
    while (performance.now() < end);
  }
  function jump(ms) {
    const Before = Date
    globalThis.Date = class extends Before {
      constructor(...args) { super(...(args.length > 0 ? args : [Before.now() + ms])) }
      static now() { return Before.now() + ms }
    }
  }
  const log = {
    onConnect: () => console.log('open'),
    onClose: (conn, code) => console.log('close', conn.path, code),
    onError: (conn, error) => console.log('error', conn.path, error.code),
  }
  export default {
    wsHandlers: [
      { ...log, pattern: '/quiet', heartbeat: ${HEARTBEAT} },
      { ...log, pattern: '/busy', inactivityTimeout: ${INACTIVITY}, maxMessagesPerSecond: 6, onMessage: (conn, data) => void conn.send(data) },
      { pattern: '/fault', onMessage(conn, { kind, ms }) {
        if (kind === 'block') block(ms)
        else jump(ms)
        conn.send('over')
      } },
      { ...log, pattern: '/chat', defaultRoom: 'all', onMessage: (conn, data) => conn.broadcast(data) },
    ],
  }`

interface Fault {
  readonly name: string
  run(cli: Cli, fault: TestClient): Promise<unknown>
}

async function order(fault: TestClient, kind: 'block' | 'jump', ms: number): Promise<void> {
  fault.json({ kind, ms })
  expect(await fault.next()).toBe('over')
}

const FAULTS: readonly Fault[] = [
  {
    name: 'a handler that blocks the event loop for 3 s',
    run: (_, fault) => order(fault, 'block', FAULT_MS),
  },
  {
    name: 'a handler that blocks it again and again, for more than two heartbeats each time',
    async run(_, fault) {
      const times = FAULT_MS / (HEARTBEAT * 2.5)
      for (let i = 0; i < times; i++) fault.json({ kind: 'block', ms: HEARTBEAT * 2.5 })
      for (let i = 0; i < times; i++) expect(await fault.next()).toBe('over')
    },
  },
  {
    name: 'a machine that sleeps for 3 s',
    async run(cli) {
      cli.kill('SIGSTOP')
      await sleep(FAULT_MS)
      cli.kill('SIGCONT')
    },
  },
  { name: 'a date that jumps a day ahead', run: (_, fault) => order(fault, 'jump', DAY_MS) },
  { name: 'a date that jumps a day back', run: (_, fault) => order(fault, 'jump', -DAY_MS) },
]

/** A client that sends numbers and wants them back in order. */
class Counter {
  #sent = 0
  #seen = 0
  readonly #client: TestClient
  readonly #timer: NodeJS.Timeout

  constructor(client: TestClient, interval: number) {
    this.#client = client
    this.#timer = setInterval(() => client.json(this.#sent++), interval)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    // A connection that was ended has no next message, but a code that says why.
    while (this.#seen < this.#sent)
      expect(await Promise.race([this.#client.next(), this.#client.closed])).toBe(this.#seen++)
  }
}

const connectAll = (url: string, amount: number): Promise<TestClient[]> =>
  Promise.all(Array.from({ length: amount }, () => connectWs(url)))

describe.each(TARGETS)('on $runtime', (target) => {
  test.each(FAULTS.map((fault) => [fault.name, fault] as const))(
    '%s ends no healthy client, and hides no dead one',
    async (_name, { run }) => {
      const cli = serve(project({ 'sidewire.config.mjs': CONFIG }), [], target)
      const base = (await cli.started()).replace('/quiet', '')
      const quiet = await connectAll(`${base}/quiet`, 20)
      const busy = await connectAll(`${base}/busy`, 5)
      const counters = busy.map((client) => new Counter(client, INACTIVITY / 5))
      const fault = await connectWs(`${base}/fault`)
      await nextPings(quiet, 2)
      await run(cli, fault)
      // More than it takes to be given up.
      await nextPings(quiet, 8)
      await Promise.all(counters.map((counter) => counter.stop()))
      expect(cli.stdout.filter((line) => /^(?:close|error)/.test(line))).toEqual([])

      const dead = await new RawClient(Number(new URL(base).port)).open('/api/quiet')
      const [error] = await cli.line(/^error .*/)
      expect(error).toBe('error /api/quiet ERR_HEARTBEAT_TIMEOUT')
      await dead.ended
      for (const client of busy)
        expect(await client.closed).toEqual({ code: 1000, reason: 'Inactivity timeout' })
      await nextPings(quiet, 2)
      expect(cli.stderr).toEqual([])
    },
  )

  test('clients that are killed are gone, and the others miss nothing', async () => {
    const cli = serve(project({ 'sidewire.config.mjs': CONFIG }), [], target)
    const url = (await cli.started()).replace('/quiet', '/chat')
    const [speaker, listener] = [await connectWs(url), await connectWs(url)]
    const count = (start: string): number => cli.stdout.filter((line) => line.startsWith(start)).length
    const files = (): number => (existsSync('/proc') ? readdirSync(`/proc/${cli.pid}/fd`).length : 0)
    await expect.poll(() => count('open')).toBe(2)
    const before = files()
    const amount = 200
    const crowd = new Cli(['bench', url, 'idle', '--connections', String(amount), '--duration', '60'], {
      cwd: project(),
    })
    await expect.poll(() => count('open')).toBe(2 + amount)
    // Some of it is on its way to them when they end.
    const payload = 'x'.repeat(64 * 1024)
    for (let n = 0; n < 100; n++) {
      speaker.json({ n, payload })
      if (n === 20) crowd.kill('SIGKILL')
      expect(await listener.next()).toEqual({ n, payload })
    }
    await expect.poll(() => count('close')).toBe(amount)
    expect(count('close /api/chat 1006')).toBe(amount)
    await expect.poll(files).toBe(before)
    expect(cli.stderr).toEqual([])
  })
})
