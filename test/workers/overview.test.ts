import { afterEach, expect, test } from 'vitest'
import { endAll, project, serve, TARGETS } from '../cli/cli.ts'
import { http } from '../inspector/asking.ts'
import { parse, type Line } from '../metrics/scrape.ts'
import { connectWs, type TestClient } from '../support/client.ts'

afterEach(endAll)

const NODE = TARGETS[0]!

const CHAT = `export default { metrics: true, wsHandlers: [{
  pattern: '/chat',
  onConnect: (conn) => {
    conn.joinRoom('lobby')
    conn.send({ pid: process.pid })
  },
  onMessage: (conn, data) => conn.broadcast(data, { room: 'lobby' }),
}] }`

interface Guest {
  readonly client: TestClient
  readonly pid: number
}

async function enter(url: string): Promise<Guest> {
  const client = await connectWs(url)
  const { pid } = (await client.next()) as { pid: number }
  return { client, pid }
}

/** At least one on each worker, as the kernel spreads them. */
async function enterAll(url: string, workers: number): Promise<Guest[]> {
  const guests: Guest[] = []
  while (new Set(guests.map(({ pid }) => pid)).size < workers) guests.push(await enter(url))
  return guests
}

async function scrape(page: string): Promise<(name: string, labels?: Line['labels']) => number | undefined> {
  // Another connection each time, and so another worker.
  const { status, body } = await http(`${page}/metrics`, { agent: false })
  expect(status).toBe(200)
  const lines = parse(body)
  return (name, labels = {}) =>
    lines.find(
      (line) =>
        line.name === name && Object.entries(labels).every(([label, value]) => line.labels[label] === value),
    )?.value
}

test('metrics are those of all workers; what one has counted stays when it is busy, and when it is dead', async () => {
  const workers = 3
  const cli = serve(project({ 'sidewire.config.mjs': CHAT }), ['--workers', String(workers)], NODE)
  const url = await cli.started()
  const page = new URL(url).origin.replace('ws', 'http')
  const guests = await enterAll(url, workers)
  const opened = 'sidewire_connections_opened_total'
  for (const values of await Promise.all(Array.from({ length: 20 }, () => scrape(page)))) {
    expect(values(opened)).toBe(guests.length)
    expect(values('sidewire_connections')).toBe(guests.length)
  }
  const ready = async (): Promise<unknown> =>
    (JSON.parse((await http(`${page}/readyz`, { agent: false })).body) as { checks: { workers: unknown } })
      .checks.workers
  expect(await ready()).toBe(workers)

  // A stopped worker answers nobody who has reached it, so whoever asks has to have reached another.
  const [stopped, other] = [guests[0]!.pid, guests.find(({ pid }) => pid !== guests[0]!.pid)!.pid]
  process.kill(stopped, 'SIGSTOP')
  const started = Date.now()
  const values = await Promise.any(Array.from({ length: 12 }, () => scrape(page)))
  expect(Date.now() - started).toBeLessThan(1000)
  expect(values(opened)).toBe(guests.length)
  const up = [1, 2, 3].map((worker) => values('sidewire_worker_up', { worker: String(worker) }))
  expect(up.filter((each) => each === 1)).toHaveLength(2)
  expect(up.filter((each) => each === 0)).toHaveLength(1)
  const its = guests.filter(({ pid }) => pid === stopped).length
  expect(values('sidewire_worker_connections', { worker: String(up.indexOf(0) + 1) })).toBe(its)

  process.kill(stopped, 'SIGCONT')
  process.kill(other, 'SIGKILL')
  await cli.line(/worker \d is gone .*another one starts/)
  expect((await scrape(page))(opened)).toBe(guests.length)
  expect(await ready()).toBe(workers - 1)
  // The next one counts from 0, and that is added to what the dead one had.
  await expect.poll(ready, { timeout: 10_000 }).toBe(workers)
  expect((await scrape(page))(opened)).toBe(guests.length)
})
