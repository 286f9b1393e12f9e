import { afterEach, describe, expect, test } from 'vitest'
import type { Server, ServerOptions } from '../../src/index.ts'
import { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { connectWs, type TestClient } from '../support/client.ts'
import { Page, served, type Got, type GotRow } from './asking.ts'

const running: Server[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

/** As many rows as there are kept here, so that none is gone before the page has asked. */
const OPTIONS: ServerOptions = {
  inspector: { history: 100_000 },
  wsHandlers: [
    { pattern: '/echo', raw: true, onMessage: (conn, data) => void conn.send(data) },
    { pattern: '/all', onMessage: (conn, data) => conn.broadcast(data) },
  ],
}

/** Echoes of as many messages, some hundred under way at a time. */
async function flood(client: TestClient, count: number): Promise<void> {
  let sent = 0
  for (let seen = 0; seen < count; seen++) {
    while (sent < count && sent < seen + 500) client.send(`m${sent++}`)
    await client.next()
  }
}

const sumOf = (rows: readonly GotRow[], name: string): number =>
  rows.reduce((sum, { left }) => sum + ((left as Record<string, number> | undefined)?.[name] ?? 0), 0)
const countOf = (rows: readonly GotRow[], type: string): number =>
  rows.filter((row) => row.type === type).length

describe.each(NETWORK_RUNTIMES)('on %s', (runtime) => {
  async function start(): Promise<Server> {
    const server = await served({ runtime, ...OPTIONS })
    running.push(server)
    return server
  }

  test.each([
    ['with a page', true],
    ['without one', false],
  ])('what comes too fast is left out and counted, to the last message, %s', async (_, isOpen) => {
    const server = await start()
    const page = new Page(server)
    const rows: GotRow[] = []
    const look = async (): Promise<Got> => {
      const got = await page.watch({ limit: 100_000 })
      rows.push(...got.rows)
      expect(got.left).toBe(0)
      return got
    }
    const client = await connectWs(`${server.url}/api/echo`)
    let looking: Promise<unknown> | undefined
    const lookAgain = (): void => {
      looking ??= look().finally(() => (looking = undefined))
    }
    const timer = isOpen ? setInterval(lookAgain, 50) : undefined
    await flood(client, 40_000)
    clearInterval(timer)
    await looking
    // The last gap is told when it is over.
    await expect
      .poll(async () => {
        let next = 0
        for (let got = await look(); got.next !== next; got = await look()) next = got.next
        return countOf(rows, 'message') + sumOf(rows, 'messagesIn')
      })
      .toBe(40_000)
    expect(countOf(rows, 'sent') + sumOf(rows, 'messagesOut')).toBe(40_000)
    expect(sumOf(rows, 'messagesIn')).toBeGreaterThan(0)
    expect(countOf(rows, 'message')).toBeGreaterThan(500)
    // The numbers of one connection say that they are not all.
    const { connections } = await page.watch({ connections: { skip: 0, limit: 1 } })
    expect(connections?.rows[0]).toMatchObject({ isPartial: true })
    // And what is slow again is seen.
    client.send('slow')
    await client.next()
    await expect.poll(async () => (await look(), rows.at(-1)?.['type'])).toBe('handled')
  })

  test('a broadcast to 1,000 is one row, and 1,000 connections are listed quickly, a hundred at a time', async () => {
    const server = await start()
    const page = new Page(server)
    const clients = await Promise.all(Array.from({ length: 1000 }, () => connectWs(`${server.url}/api/all`)))
    clients[0]!.send('to all')
    for (const client of clients.slice(1)) expect(await client.next()).toBe('to all')
    const rows = await page.rowsUntil('broadcast')
    expect(rows.filter(({ type }) => type === 'broadcast')).toEqual([
      expect.objectContaining({ receivers: 999, text: 'to all', conn: expect.any(Number) }),
    ])
    const times: number[] = []
    for (let i = 0; i < 20; i++) {
      const began = performance.now()
      const { connections } = await page.watch({ connections: { skip: i * 10, limit: 100 } })
      times.push(performance.now() - began)
      expect(connections).toMatchObject({ found: 1000 })
      expect(connections?.rows).toHaveLength(100)
    }
    // 100 ms on a quiet machine with 10,000; here others run beside.
    expect(times.toSorted((one, other) => one - other)[10]).toBeLessThan(100)
    for (const client of clients) client.terminate()
  })
})
