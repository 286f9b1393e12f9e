import { globalAgent } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { endAll, project, serve, TARGETS } from '../cli/cli.ts'
import { http, Page } from '../inspector/asking.ts'
import { parse, type Line } from '../metrics/scrape.ts'
import { connectWs, type TestClient } from '../support/client.ts'

afterEach(endAll)

const NODE = TARGETS[0]!

const CHAT = `export default { metrics: true, control: true, wsHandlers: [{
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

describe.each(TARGETS)('$runtime', (target) => {
  test('the inspector and control see and reach the connections of all workers', async () => {
    const cli = serve(project({ 'sidewire.config.mjs': CHAT }), ['--workers', '2'], target)
    const url = await cli.started()
    const { origin } = new URL(url)
    const at = origin.replace('ws', 'http')
    const page = new Page({ url: origin })
    // Another connection for each request, and so now this worker, now that.
    const control = async (path: string, method = 'GET', command?: unknown): Promise<any> => {
      const body = JSON.stringify(command)
      return JSON.parse((await http(`${at}/.sidewire/${path}`, { method, body, agent: false })).body)
    }
    expect((await page.watch()).rows).toEqual([])
    const guests = await enterAll(url, 2)
    const [one, other] = [guests[0]!, guests.at(-1)!]

    // What happens is there once, whoever is asked.
    one.client.json('hi')
    for (const { client } of guests.slice(1)) expect(await client.next()).toBe('hi')
    const rows = await page.rowsUntil('handled')
    const open = rows.filter(({ type }) => type === 'open')
    expect(new Set(open.map(({ conn }) => conn)).size).toBe(guests.length)
    const message = rows.find(({ type }) => type === 'message')!
    expect(message).toMatchObject({ text: '"hi"', path: new URL(url).pathname })
    expect(rows.find(({ type }) => type === 'handled')).toMatchObject({
      conn: message['conn'],
      message: message.n,
      by: 'onMessage',
    })
    const { connections } = await page.watch({ connections: { skip: 0, limit: 100 } })
    expect(connections?.found).toBe(guests.length)
    expect(connections?.rooms).toEqual([{ pattern: '/chat', room: 'lobby', size: guests.length }])
    expect(connections?.rows.map(({ conn }) => conn as number)).toEqual(
      open.map(({ conn }) => conn as number).toSorted((a, b) => a - b),
    )
    const idOf = (conn: unknown): string => connections?.rows.find((row) => row['conn'] === conn)?.['id']
    const oneId = idOf(message['conn'])
    const journal = await control('journal')
    expect(journal.gone).toBe(0)
    expect(journal.rows.map(({ n }: { n: number }) => n)).toEqual(
      Array.from({ length: journal.next }, (_, index) => index + 1),
    )
    expect(journal.rows).toContainEqual(
      expect.objectContaining({ type: 'message', connection: oneId, text: '"hi"' }),
    )
    expect((await control('connections')).connections).toHaveLength(guests.length)

    // Sent to one, wherever it is, and to all, each once.
    const toOne = { to: { connection: oneId }, data: 'you' }
    expect(await page.ask('send', toOne)).toEqual({ receivers: 1 })
    expect(await one.client.next()).toBe('you')
    expect(await control('send', 'POST', toOne)).toEqual({ receivers: 1 })
    expect(await one.client.next()).toBe('you')
    const toAll = { to: { pattern: '/chat', rooms: ['lobby'] }, data: 'all' }
    expect(await page.ask('send', toAll)).toEqual({ receivers: guests.length })
    expect(await control('send', 'POST', { ...toAll, data: 'again' })).toEqual({ receivers: guests.length })
    for (const { client } of guests) {
      expect(await client.next()).toBe('all')
      expect(await client.next()).toBe('again')
    }
    const sent = (await page.watch()).rows.filter(({ type }) => type === 'sent' || type === 'broadcast')
    expect(sent.map(({ text, byInspector = false }) => [text, byInspector])).toEqual([
      ['you', true],
      ['you', false],
      ['all', true],
      ['all', true],
      ['again', false],
      ['again', false],
    ])

    // Faults are in all of them, and one row.
    const faults = { drop: 1 }
    const put = { action: 'put', to: { pattern: '/chat' }, faults }
    expect((await page.ask('faults', put)).rows).toMatchObject([{ pattern: '/chat', by: 'control', faults }])
    await control('send', 'POST', { ...toAll, data: 'lost' })
    expect((await control('faults')).faults).toMatchObject([{ counts: { dropped: guests.length } }])
    expect(await control('faults', 'DELETE')).toEqual({ faults: [] })

    // What is wrong is said as ever, and who may ask is decided as ever.
    const refusals = [
      await page.post('send', { to: { connection: 'nobody' }, data: 1 }),
      await page.post('send', { to: { pattern: '/nowhere' }, data: 1 }),
      await page.post('recording', { action: 'start' }),
      await page.post('watch', { after: 0, wait: 0, limit: 1 }, { Origin: 'http://example.com' }),
      await http(`${at}/.sidewire/connections`, { headers: { Host: 'example.com' } }),
      await http(`${at}/.sidewire/nothing`),
    ]
    expect(refusals.map(({ status, body }) => [status, JSON.parse(body).error.code])).toEqual([
      [404, 'target'],
      [400, 'ERR_UNKNOWN_HANDLER'],
      [409, 'target'],
      [403, 'origin'],
      [403, 'origin'],
      [404, 'path'],
    ])
    const { headers, body } = await http(`${at}/.sidewire/`)
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    expect(body).toContain('<!doctype html>')

    // A worker that dies takes its connections out of what is shown.
    // Nothing is asked over a connection that it has.
    globalAgent.destroy()
    process.kill(other.pid, 'SIGKILL')
    await cli.line(/worker \d is gone/)
    expect((await other.client.closed).code).toBe(1006)
    const its = guests.filter(({ pid }) => pid === other.pid)
    const closed = (await page.rowsUntil('close', its.length)).filter(({ type }) => type === 'close')
    expect(closed.map(({ code }) => code)).toEqual(its.map(() => 1006))
    // The one that takes its place is seen, too.
    const [, next] = await enterAll(url, 2)
    expect((await page.rowsUntil('open', 1)).at(-1)?.['conn']).toBeGreaterThan(guests.length)
    expect(await page.ask('disconnect', { to: { pattern: '/chat' }, code: 4000 })).toMatchObject({
      connections: expect.any(Number),
    })
    for (const { client } of [one, next!]) expect((await client.closed).code).toBe(4000)
    cli.kill('SIGTERM')
    expect((await cli.exited).code).toBe(0)
  })
})
