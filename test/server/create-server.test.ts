import { existsSync, readdirSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import {
  createServer,
  SidewireError,
  type Logger,
  type Server,
  type ServerOptions,
  type StaticFile,
  type UniversalApiWsHandler,
} from '../../src/index.ts'
import { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import '../../src/testing/vitest.ts'
import { connectWs, within } from '../support/client.ts'
import { RawClient } from '../support/raw-client.ts'
import { freePort } from '../support/free-port.ts'
import { Stalls } from '../support/stalls.ts'

const onBun = process.versions['bun'] !== undefined

const servers: Server[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())))

async function start(options: ServerOptions): Promise<Server> {
  const server = await createServer({ port: 0, logLevel: 'silent', ...options })
  servers.push(server)
  return server
}

const echo: UniversalApiWsHandler = {
  pattern: '/echo',
  onConnect: (conn) => conn.joinRoom(conn.req.url.split('?')[1] ?? 'all'),
  onMessage: (conn, data) => void conn.send(data),
}

function recorder(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const record = (line: string): void => void lines.push(line)
  return { lines, error: record, warn: record, info: record, debug: record }
}

/** Open files and sockets, and what keeps the event loop going. */
function openHandles(): { files: number; resources: string[] } {
  const files = existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0
  return { files, resources: process.getActiveResourcesInfo().toSorted() }
}

describe.each(NETWORK_RUNTIMES)('createServer on %s', (runtime) => {
  test('says where it listens and on what', async () => {
    const server = await start({ runtime, wsHandlers: [echo] })
    expect(server.port).toBeGreaterThan(0)
    expect(server.url).toBe(`ws://127.0.0.1:${server.port}`)
    expect(server.runtime).toBe(runtime)
    expect(server.runtimeDescription).toMatch(/\d+\.\d+\.\d+/)
    const other = await start({ runtime })
    expect(other.port).not.toBe(server.port)
    expect(server.connections).toEqual([])
  })

  test('listens on all addresses', async () => {
    const server = await start({ runtime, host: '0.0.0.0', wsHandlers: [echo] })
    expect(server.url).toBe(`ws://localhost:${server.port}`)
    ;(await connectWs(`ws://127.0.0.1:${server.port}/api/echo`)).close()
  })

  test('lists connections, publishes to them, counts', async () => {
    const server = await start({ runtime, wsHandlers: [echo] })
    const before = Date.now()
    const [red, blue] = await Promise.all([
      connectWs(`${server.url}/api/echo?red`),
      connectWs(`${server.url}/api/echo?blue`),
    ])
    const listed = server.connections.toSorted((a, b) => a.rooms.join().localeCompare(b.rooms.join()))
    expect(listed).toEqual(
      ['blue', 'red'].map((room) => ({
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        path: '/api/echo',
        rooms: [room],
        remoteAddress: '127.0.0.1',
        since: expect.any(Number),
      })),
    )
    for (const { since } of listed) {
      expect(since).toBeGreaterThanOrEqual(before)
      expect(since).toBeLessThanOrEqual(Date.now())
    }
    server.publish('/echo', { to: 'all' })
    server.publish('echo', { to: 'red' }, { rooms: ['red', 'green'] })
    server.publish('/echo', { to: 'nobody' }, { rooms: [] })
    server.publish('/echo', 'last')
    expect([await red.next(), await red.next(), await red.next()]).toEqual([
      { to: 'all' },
      { to: 'red' },
      'last',
    ])
    expect([await blue.next(), await blue.next()]).toEqual([{ to: 'all' }, 'last'])

    red.send('four')
    expect(await red.next()).toBe('four')
    red.close(3001)
    await red.closed
    blue.close(1000)
    await blue.closed
    await expect.poll(() => server.connections).toEqual([])
    const stats = server.stats()
    expect(stats).toMatchObject({
      opened: 2,
      closed: 2,
      connections: 0,
      messagesIn: 1,
      bytesIn: 4,
      messagesOut: 6,
    })
    expect(stats.closedByCode[1000]).toBe(1)
    // A copy.
    stats.closedByCode[1000] = 99
    expect(server.stats().closedByCode[1000]).toBe(1)
  })

  test('publish says what is wrong', async () => {
    const server = await start({ runtime, wsHandlers: [echo] })
    expect(() => server.publish('/nope', 1)).toThrow(
      expect.objectContaining({ code: 'ERR_UNKNOWN_HANDLER', message: expect.stringContaining('"/nope"') }),
    )
    expect(() => server.publish('/echo', undefined)).toThrow(
      expect.objectContaining({ code: 'ERR_SERIALIZE' }),
    )
  })

  test('serves files, to GET and HEAD only, and never in the place of a handler', async () => {
    const server = await start({
      runtime,
      wsHandlers: [echo],
      files: {
        '/': { type: 'text/html; charset=utf-8', body: '<h1>ü</h1>' },
        '/data.bin': { type: 'application/octet-stream', body: new Uint8Array([0, 255, 10]) },
        '/api/echo': { type: 'text/plain', body: 'hidden' },
      },
    })
    const url = server.url.replace('ws', 'http')
    const page = await fetch(`${url}/?query`)
    expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      '<h1>ü</h1>',
    ])
    const bytes = await fetch(`${url}/data.bin`)
    expect([...new Uint8Array(await bytes.arrayBuffer())]).toEqual([0, 255, 10])
    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect((await fetch(url, { method: 'POST' })).status).toBe(404)
    expect((await fetch(`${url}/other`)).status).toBe(404)
    expect((await new RawClient(server.port).request('/api/echo', {})).status).toBe(426)
  })

  test('reload takes new options, and keeps the old ones if the new ones are bad', async () => {
    const logger = recorder()
    const version = (text: string): UniversalApiWsHandler => ({
      pattern: '/x',
      onMessage: (conn) => void conn.send(text),
    })
    const file = (body: string): Record<string, StaticFile> => ({ '/': { type: 'text/plain', body } })
    const options = { port: 0, runtime, logger, logLevel: 'info' } as const
    const server = await start({ ...options, wsHandlers: [version('one')], files: file('one') })
    const page = async (): Promise<string> => (await fetch(server.url.replace('ws', 'http'))).text()
    const client = await connectWs(`${server.url}/api/x`)
    const answer = (): Promise<unknown> => {
      client.send('?')
      return client.next()
    }
    expect([await answer(), await page()]).toEqual(['one', 'one'])

    server.reload({ ...options, wsHandlers: [version('two')], files: file('two') })
    expect([await answer(), await page()]).toEqual(['two', 'two'])

    const bad: ServerOptions = { ...options, files: file('bad'), wsHandlers: [{ pattern: '/{' }] }
    expect(() => server.reload(bad)).toThrow(expect.objectContaining({ code: 'ERR_PATTERN' }))
    expect([await answer(), await page()]).toEqual(['two', 'two'])
    expect(logger.lines).toEqual([])

    server.reload({ ...options, port: 1, endpointPrefix: '/v2', wsHandlers: [version('three')] })
    expect(logger.lines).toEqual([
      '[sidewire] the change of "port" takes effect at the next start; see docs/reference/options.md',
    ])
    expect(server.urls).toEqual([`${server.url}/v2/x`])
    expect(await answer()).toBe('three')
    await expect(`${server.url}/api/x`).toRefuse(404, { timeout: 30_000 })
    ;(await connectWs(`${server.url}/v2/x`)).close()
    client.close()
  })

  test('urls are where the enabled handlers are, under each prefix', async () => {
    const off = { pattern: '/off', disabled: true }
    const wsHandlers = [{ pattern: 'ws/chat/{room}' }, off, echo]
    const server = await start({ runtime, endpointPrefix: ['/api/', ''], wsHandlers })
    const paths = ['/api/ws/chat/{room}', '/ws/chat/{room}', '/api/echo', '/echo']
    expect(server.urls).toEqual(paths.map((path) => server.url + path))
    ;(await connectWs(server.urls[2]!)).close()
    expect((await start({ runtime, enableWs: false, wsHandlers })).urls).toEqual([])
  })

  test('close is one close, however often it is called', async () => {
    const closes: number[] = []
    const server = await start({
      runtime,
      wsHandlers: [{ pattern: '/x', onClose: (_conn, code) => void closes.push(code) }],
    })
    const client = await connectWs(`${server.url}/api/x`)
    const first = server.close()
    await Promise.all([first, server.close(), server.close()])
    await server.close()
    expect((await client.closed).code).toBe(1001)
    expect(closes).toEqual([1001])
    await expect(connectWs(`${server.url}/api/x`)).rejects.toThrow(/ECONNREFUSED|Failed to connect/)
    expect(server.connections).toEqual([])
  })

  test('close waits for the closing handshakes, shutdownTimeout at most', async () => {
    const closes: number[] = []
    const server = await start({
      runtime,
      shutdownTimeout: 200,
      wsHandlers: [
        {
          pattern: '/x',
          onConnect: (conn) => void conn.send(Buffer.alloc(12_000_000)),
          onClose: (_conn, code) => void closes.push(code),
        },
      ],
    })
    const stuck = await new RawClient(server.port).open('/api/x')
    stuck.tcp.pause()
    const startedAt = performance.now()
    const stalls = new Stalls()
    await server.close()
    expect(performance.now() - startedAt).toBeGreaterThan(150)
    expect(performance.now() - startedAt).toBeLessThan(1500 + stalls.ms)
    // It was told, though the client never saw it.
    expect(closes).toHaveLength(1)
    stuck.tcp.destroy()
  })

  test('close refuses who is still being authenticated', async () => {
    let asked = (): void => {}
    const pending = new Promise<void>((resolve) => (asked = resolve))
    const server = await start({
      runtime,
      wsHandlers: [
        {
          pattern: '/x',
          authenticate() {
            asked()
            return new Promise<boolean>(() => {})
          },
        },
      ],
    })
    const client = new RawClient(server.port)
    const refused = client.request('/api/x').then(
      ({ status }) => status,
      () => 'ended',
    )
    await pending
    await within(server.close(), 'no close', 1000)
    expect([503, 'ended']).toContain(await refused)
    await client.ended
    expect(server.stats()).toMatchObject({ opened: 0, refused: 1 })
  })

  test('a port in use is an error, and nothing is left behind', async () => {
    const port = await freePort()
    const server = await start({ runtime, port })
    const error: unknown = await createServer({ runtime, port }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SidewireError)
    expect(error).toMatchObject({
      code: 'ERR_LISTEN',
      message: expect.stringContaining(`cannot listen on 127.0.0.1:${port}: the port is in use`),
    })
    await server.close()
    await start({ runtime, port })
  })

  test('a server that cannot listen puts no handler into service', async () => {
    const told: string[] = []
    const handler: UniversalApiWsHandler = {
      pattern: '/a',
      onStart: () => void told.push('start'),
      onStop: () => void told.push('stop'),
    }
    const { port } = await start({ runtime })
    const failed = createServer({ runtime, port, wsHandlers: [handler] })
    await expect(failed).rejects.toMatchObject({ code: 'ERR_LISTEN' })
    expect(told).toEqual([])
    await (await start({ runtime, wsHandlers: [handler] })).close()
    expect(told).toEqual(['start', 'stop'])
  })

  test('50 starts and closes leak nothing', async () => {
    const cycle = async (): Promise<void> => {
      const server = await createServer({
        port: 0,
        runtime,
        logLevel: 'silent',
        wsHandlers: [{ ...echo, heartbeat: 1000, inactivityTimeout: 60_000, delay: 60_000 }],
      })
      const client = await connectWs(`${server.url}/api/echo`)
      client.send('waits')
      const failed = createServer({ port: server.port, runtime, host: '127.0.0.1' })
      await expect(failed).rejects.toMatchObject({ code: 'ERR_LISTEN' })
      await server.close()
      await client.closed
    }
    await cycle() // loads what is loaded once
    const before = openHandles()
    for (let n = 0; n < 50; n++) await cycle()
    await expect.poll(openHandles, { timeout: 8000 }).toEqual(before)
  })
})

describe('errors', () => {
  const cases: readonly [title: string, options: unknown, code: string][] = [
    ['unknown option', { wsHandler: [] }, 'ERR_OPTION'],
    ['no object', 5, 'ERR_OPTION'],
    ['null', null, 'ERR_OPTION'],
    ['missing pattern', { wsHandlers: [{}] }, 'ERR_OPTION'],
    ['bad pattern', { wsHandlers: [{ pattern: '/{a}/{a}' }] }, 'ERR_PATTERN'],
    ['pattern twice', { wsHandlers: [{ pattern: '/a' }, { pattern: '/a' }] }, 'ERR_PATTERN_DUPLICATE'],
    [
      'response that cannot be sent',
      { wsHandlers: [{ pattern: '/a', responses: [{ match: () => true, response: Symbol('no') }] }] },
      'ERR_RESPONSE',
    ],
    ['other platform', { runtime: onBun ? 'uws' : 'bun' }, 'ERR_RUNTIME'],
    ['host of another machine', { host: '203.0.113.1' }, 'ERR_LISTEN'],
    ['no certificate', { tls: { cert: 'no.pem', key: 'no.pem' } }, 'ERR_TLS'],
  ]
  test.each(cases)('%s: a SidewireError', async (_title, options, code) => {
    const port = typeof options === 'object' && options !== null ? { port: 0 } : undefined
    const given = port ? { ...port, ...(options as object) } : options
    const error: unknown = await createServer(given as ServerOptions).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SidewireError)
    expect(error).toMatchObject({ name: 'SidewireError', code })
  })

  test('handlers that are switched off are checked, but share a pattern with others', async () => {
    await start({ wsHandlers: [{ pattern: '/a' }, { pattern: '/a', disabled: true }] })
    const bad = { wsHandlers: [{ pattern: '/{', disabled: true }] }
    await expect(createServer(bad)).rejects.toMatchObject({ code: 'ERR_PATTERN' })
  })
})
