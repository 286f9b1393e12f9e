import { afterEach, describe, expect, test } from 'vitest'
import type { Clock } from '../../src/engine/clock.ts'
import { resolveServerOptions, type ServerOptions } from '../../src/engine/handler/options.ts'
import { createLogger, type Logger } from '../../src/engine/logger.ts'
import type { Server, UniversalApiWsHandler } from '../../src/index.ts'
import { toText } from '../../src/metrics/text.ts'
import { SAMPLES, type Answering } from '../../src/server/behind.ts'
import { serveOn, type Partners } from '../../src/server/server.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { http, httpOf, type Answer } from '../inspector/asking.ts'
import { connectWs } from '../support/client.ts'
import { MemoryExchange } from '../support/memory-broker.ts'
import { RawClient } from '../support/raw-client.ts'
import { parse, promtool, scrape, sumOf, type Line } from './scrape.ts'

assertPlatform()

const TOKEN = 'a token of the test'
const HANDLERS: readonly UniversalApiWsHandler[] = [
  {
    pattern: '/echo',
    onConnect: (conn) => conn.joinRoom('all'),
    onMessage(conn, data) {
      conn.send(data)
      conn.broadcast(data, { room: 'all', includeSelf: true })
      if (data === 'bad') throw new Error('bad, as the test wants it')
    },
  },
  { pattern: '/private', authenticate: () => false },
  { pattern: '/kick', onConnect: (conn) => conn.close(4401, 'no') },
  { pattern: '/lossy', faults: { drop: { every: 2 } }, onMessage: (conn, data) => void conn.send(data) },
]

const servers: Server[] = []
const raws: RawClient[] = []
afterEach(async () => {
  for (const { tcp } of raws.splice(0)) tcp.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

describe.each(NETWORK_RUNTIMES)('on %s', (runtime) => {
  async function start(
    options: ServerOptions,
    { clock, partners }: { clock?: Clock; partners?: Partners } = {},
  ): Promise<Server> {
    const resolved = resolveServerOptions({
      wsHandlers: HANDLERS,
      endpointPrefix: '',
      logLevel: 'silent',
      ...options,
      port: 0,
    })
    const logger = createLogger(resolved.logLevel, resolved.logger)
    const server = await serveOn(await loadRuntime(runtime), resolved, logger, clock, partners)
    servers.push(server)
    return server
  }
  const ready = async (server: Server): Promise<{ status: number; body: any }> => {
    const { status, body, headers } = await http(`${httpOf(server)}/readyz`)
    expect(headers['cache-control']).toBe('no-store')
    return { status, body: JSON.parse(body) }
  }

  test('each counter is what stats() says, and promtool has nothing to say', async () => {
    const server = await start({ metrics: { hooks: true } })
    const [one, other] = await Promise.all(['a', 'b'].map(() => connectWs(`${server.url}/echo`)))
    for (const text of ['hé', 'bad', '']) one?.send(text)
    for (let i = 0; i < 6; i++) await one?.next()
    for (let i = 0; i < 3; i++) await other?.next()
    const lossy = await connectWs(`${server.url}/lossy`)
    for (const text of ['1', '2', '3', '4']) lossy.send(text)
    expect([await lossy.next(), await lossy.next()]).toEqual([1, 3])
    await (
      await connectWs(`${server.url}/kick`)
    ).closed
    for (const path of ['/private', '/nowhere'])
      await expect(connectWs(server.url + path)).rejects.toThrow(/40[14]/)
    one?.close(4001, 'bye')
    await one?.closed
    lossy.terminate()
    await expect.poll(() => server.connections.length).toBe(1)

    const text = await scrape(server)
    const stats = server.stats()
    expect(promtool(text)).toBe('')
    const lines = parse(text)
    const of = (name: string, labels?: Record<string, string>): number =>
      sumOf(lines, `sidewire_${name}`, labels)
    expect({
      connections: of('connections'),
      opened: of('connections_opened_total'),
      closed: of('connections_closed_total'),
      refused: of('handshakes_refused_total'),
      messagesIn: of('messages_received_total'),
      messagesOut: of('messages_sent_total'),
      bytesIn: of('received_bytes_total'),
      bytesOut: of('sent_bytes_total'),
      terminatedForBackpressure: of('connections_ended_total', { cause: 'backpressure' }),
      closedForMessageRate: of('connections_ended_total', { cause: 'message_rate' }),
      closedForQueue: of('connections_ended_total', { cause: 'queue' }),
      handlerErrors: of('hook_errors_total'),
      invalid: {
        incoming: of('messages_invalid_total', { direction: 'incoming' }),
        outgoing: of('messages_invalid_total', { direction: 'outgoing' }),
      },
      refusedBy: nonZero(lines, 'sidewire_handshakes_refused_total', 'reason'),
      faults: { ...stats.faults, ...nonZero(lines, 'sidewire_faults_total', 'kind') },
      closedByCode: nonZero(lines, 'sidewire_connections_closed_total', 'code'),
    }).toEqual({
      ...stats,
      // What a client has chosen is no label; what a handler has is one.
      closedByCode: { ...stats.closedByCode, 4001: undefined, '4xxx': 1 },
      // There is none, and so nothing of it.
      broker: undefined,
    })
    expect(stats).toMatchObject({ opened: 4, messagesIn: 7, messagesOut: 13, handlerErrors: 1, refused: 2 })
    expect(stats.faults.dropped).toBe(2)
    expect(of('connections', { handler: '/echo' })).toBe(1)
    expect(of('rooms')).toBe(1)
    expect(of('hook_errors_total', { handler: '/echo', hook: 'onMessage' })).toBe(1)
    expect(of('hook_duration_seconds_count', { handler: '/echo', hook: 'onMessage' })).toBe(3)
    const platform = process.versions['bun'] ?? process.versions.node
    expect(of('build_info', { version: '0.1.0', runtime, runtime_version: platform })).toBe(1)
    const names = new Set(lines.map(({ name }) => name))
    for (const name of ['cpu_seconds_total', 'resident_memory_bytes', 'start_time_seconds'])
      expect(names).toContain(`process_${name}`)
  })

  test('of 1,000 scrapes under load none has a counter that fell', async () => {
    const server = await start({ metrics: true })
    const client = await connectWs(`${server.url}/echo`)
    const { [SAMPLES]: samples } = server as Server & Answering
    const before = new Map<string, number>()
    for (let scrapes = 1; scrapes <= 1000; scrapes++) {
      client.send(`message ${scrapes}`)
      // Often by way of a socket, which lets what was sent arrive.
      const text = scrapes % 20 === 0 ? await scrape(server) : toText(await samples())
      if (scrapes % 100 === 0) (await connectWs(`${server.url}/echo`)).terminate()
      for (const [, series = '', value] of text.matchAll(COUNTERS)) {
        if (Number(value) < (before.get(series) ?? 0)) throw new Error(`${series} fell to ${value}`)
        before.set(series, Number(value))
      }
    }
    expect(before.get('sidewire_connections_opened_total{handler="/echo"}')).toBeGreaterThan(9)
    expect(before.get('sidewire_messages_received_total{handler="/echo"}')).toBeGreaterThan(900)
  })

  test('is off by default, and takes a token, HEAD and a path', async () => {
    const off = await start({})
    expect(await http(`${httpOf(off)}/metrics`)).toMatchObject({ status: 404 })
    const server = await start({ metrics: { path: '/internal/metrics', token: TOKEN } })
    const ask = (authorization?: string, method = 'GET'): Promise<Answer> =>
      http(`${httpOf(server)}/internal/metrics?a=b`, {
        method,
        headers: authorization === undefined ? {} : { authorization },
      })
    expect(await http(`${httpOf(server)}/metrics`)).toMatchObject({ status: 404 })
    for (const wrong of [undefined, 'Bearer', `Bearer ${TOKEN} `.slice(0, -2), `Basic ${TOKEN}`]) {
      const { status, headers, body } = await ask(wrong)
      expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer'])
      expect(body).not.toContain('sidewire_')
    }
    const { status, headers, body } = await ask(`Bearer ${TOKEN}`)
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'no-store',
    ])
    expect(body).toContain('\nsidewire_rooms 0\n')
    expect(await ask(`Bearer ${TOKEN}`, 'HEAD')).toMatchObject({ status: 200, body: '' })
    expect(await ask(`Bearer ${TOKEN}`, 'POST')).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    })
  })

  test('a handler at its path goes first, and a warning says so, at a reload too', async () => {
    const lines: string[] = []
    const push = (line: string): void => void lines.push(line)
    const logger: Logger = { error: push, warn: push, info: push, debug: push }
    const options = { metrics: true, logger, logLevel: 'warn' } as const
    const taken: UniversalApiWsHandler = { pattern: '/{name}', onRequest: () => ({ body: 'mine' }) }
    const server = await start({ ...options, wsHandlers: [] })
    expect(lines).toEqual([])
    server.reload({ ...options, endpointPrefix: '', wsHandlers: [taken] })
    expect(lines).toEqual([
      '[sidewire] the change of "port" takes effect at the next start; see docs/reference/options.md',
      WARNING,
    ])
    expect((await http(`${httpOf(server)}/metrics`)).body).toBe('mine')
    lines.length = 0
    await start({ ...options, wsHandlers: [taken] })
    expect(lines).toEqual([WARNING])
  })

  test('what others have is gathered, and told in sum', async () => {
    const server = await start(
      { metrics: true },
      { partners: { gather: async (own) => [await own(), await own()] } },
    )
    await connectWs(`${server.url}/echo`)
    expect(sumOf(parse(await scrape(server)), 'sidewire_connections_opened_total')).toBe(2)
  })

  test('/readyz says what a load balancer should do, /healthz only that it lives', async () => {
    const exchange = new MemoryExchange()
    let workers = 2
    const partners: Partners = {
      workers: () => ({ shown: workers, verdict: workers > 0 ? 'ready' : 'overloaded' }),
    }
    const server = await start({ broker: exchange.broker() }, { partners })
    const checks = { broker: 'up', workers: 2, eventLoop: 'ok', files: 'ok' }
    expect(await ready(server)).toEqual({ status: 200, body: { status: 'ready', checks } })
    exchange.goDown()
    expect(await ready(server)).toEqual({
      status: 200,
      body: { status: 'degraded', checks: { ...checks, broker: 'down' } },
    })
    exchange.comeUp()
    workers = 0
    expect(await ready(server)).toMatchObject({ status: 503, body: { status: 'overloaded' } })
    expect(await http(`${httpOf(server)}/healthz`)).toMatchObject({ status: 200, body: 'ok' })
    const alone = await start({})
    expect(await ready(alone)).toEqual({
      status: 200,
      body: { status: 'ready', checks: { ...checks, broker: 'off', workers: 1 } },
    })
  })

  test('/readyz is 503 while the event loop lags, and 200 again by itself', async () => {
    const server = await start({ maxEventLoopLag: 100 })
    const askAndBlock = async (): Promise<string> => {
      const raw = new RawClient(server.port)
      raws.push(raw)
      await raw.request('/healthz', {})
      const answered = raw.request('/readyz', {})
      const until = performance.now() + 250
      while (performance.now() < until);
      const { status, body } = await answered
      return `${status} ${body}`
    }
    await expect
      .poll(askAndBlock, { interval: 1 })
      .toMatch(/^503 .*"status":"overloaded".*"eventLoop":"late"/)
    await expect.poll(async () => (await ready(server)).status, { interval: 20 }).toBe(200)
  })

  test('a drain: /readyz is 503 before listening stops, and before the first 1001', async () => {
    const clock = new VirtualClock(async () => {})
    const server = await start({ metrics: true, shutdownDelay: 5000 }, { clock })
    expect(await ready(server)).toMatchObject({ status: 200 })
    const client = await connectWs(`${server.url}/echo`)
    const ends: string[] = []
    void client.closed.then(({ code }) => ends.push(`close ${code}`))
    const closing = server.close()
    expect(await ready(server)).toMatchObject({ status: 503, body: { status: 'closing' } })
    await clock.advance(4999)
    // All goes on: new clients, messages, metrics, and it lives.
    client.send('still here')
    expect(await client.next()).toBe('still here')
    const late = await connectWs(`${server.url}/echo`)
    expect(await http(`${httpOf(server)}/healthz`)).toMatchObject({ status: 200 })
    expect(await ready(server)).toMatchObject({ status: 503, body: { status: 'closing' } })
    expect(await scrape(server)).toContain('sidewire_connections{handler="/echo"} 2\n')
    expect(ends).toEqual([])
    clock.goReal()
    await clock.advance(1)
    expect((await late.closed).code).toBe(1001)
    await Promise.all([closing, client.closed])
    expect(ends).toEqual(['close 1001'])
    await expect(http(`${httpOf(server)}/healthz`)).rejects.toThrow('ECONNREFUSED')
  })
})

const COUNTERS = /^(\w+_(?:total|bucket|sum|count)(?:\{.*\})?) (\S+)$/gm

const WARNING =
  '[sidewire] the handler "/{name}" has the path /metrics, so there are no metrics at it: set metrics: { path }; see docs/guide/metrics.md'

function nonZero(lines: readonly Line[], name: string, label: string): Record<string, number> {
  const found = lines.filter((line) => line.name === name && line.value > 0)
  return Object.fromEntries(found.map(({ labels, value }) => [labels[label], value]))
}
