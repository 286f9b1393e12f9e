import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { universalApi } from '../../src/index.ts'
import { connectWs, nextPings } from '../support/client.ts'
import { HANDSHAKE, RawClient, type HttpResponse } from '../support/raw-client.ts'
import { installed, RUNS, ViteProcess } from './installation.ts'
import { dev, echo, VITES } from './rig.ts'

const CONFIG = `
import { readdirSync } from 'node:fs'
import { universalApi } from 'sidewire'
let authenticating = 0
const api = universalApi({
  authenticateTimeout: 60_000,
  wsHandlers: [
    { pattern: '/ws/echo', onMessage: (conn, data) => void conn.send(data) },
    { pattern: '/ws/slow', authenticate: () => { authenticating++; return new Promise(() => {}) } },
    { pattern: '/ws/quiet', heartbeat: 150 },
    { pattern: '/ws/block', onMessage: (conn, ms) => {
      console.log('blocks for', ms)
      const end = performance.now() + ms
      while (performance.now() < end);
      conn.send('over')
    } },
  ],
})
const stats = {
  name: 'stats',
  configureServer(server) {
    server.middlewares.use('/stats', (request, response) => {
      // The listing's own descriptor is among them each time.
      const files = readdirSync('/proc/self/fd').length
      response.setHeader('Connection', 'close')
      response.end(JSON.stringify({ ...api.api.stats(), authenticating, files }))
    })
  },
}
export default { plugins: [api, stats] }
`

interface Report {
  readonly connections: number
  readonly authenticating: number
  /** Open descriptors of the process. */
  readonly files: number
}

async function report(vite: ViteProcess): Promise<Report> {
  return (await (await fetch(`http://127.0.0.1:${vite.port}/stats`)).json()) as Report
}

function handshake(path: string): string {
  const lines = Object.entries(HANDSHAKE).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join('')}\r\n`
}

/** Sends this much, and resets as soon as it is sent, or when something comes back. */
function resetAfter(port: number, text: string, when: 'sent' | 'answered' | number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    const reset = (): void => void socket.resetAndDestroy()
    const later = (turns: number): void => void (turns === 0 ? reset() : setImmediate(later, turns - 1))
    if (when === 'answered') socket.once('data', reset)
    socket.write(text, () => {
      if (when === 'sent') reset()
      else if (typeof when === 'number') later(when)
    })
  })
}

describe.each(RUNS)('the vite command, $name', ({ folder, program }) => {
  test('clients that reset at any moment end nothing and leave nothing behind', async () => {
    const vite = await ViteProcess.start(installed(folder, { 'vite.config.js': CONFIG }), [...program])
    const first = await connectWs(`${vite.url}/api/ws/echo`)
    first.terminate()
    await expect.poll(async () => (await report(vite)).connections).toBe(0)
    const before = await report(vite)

    for (const path of ['/api/ws/echo', '/api/ws/slow', '/api/none']) {
      const head = handshake(path)
      // Every byte, and a frame that comes with the handshake.
      const cuts = Array.from({ length: head.length }, (_, index) => head.slice(0, index + 1))
      await Promise.all(cuts.map((text) => resetAfter(vite.port, text, 'sent')))
      await resetAfter(vite.port, `${head}\u0081\u0085`, 'sent')
    }
    // 500 more, some turns of the event loop later each time: in the middle of what the proxy does.
    for (let batch = 0; batch < 10; batch++) {
      const clients = Array.from({ length: 50 }, (_, index) =>
        resetAfter(
          vite.port,
          handshake(index % 3 === 0 ? '/api/ws/slow' : '/api/ws/echo'),
          (batch * 50 + index) % 37,
        ),
      )
      await Promise.all(clients)
    }
    await Promise.all(
      Array.from({ length: 50 }, () => resetAfter(vite.port, handshake('/api/ws/echo'), 'answered')),
    )

    const { authenticating } = await report(vite)
    const pending = Array.from({ length: 20 }, () => new RawClient(vite.port))
    for (const client of pending) client.tcp.write(handshake('/api/ws/slow'))
    await expect.poll(async () => (await report(vite)).authenticating).toBe(authenticating + 20)
    expect((await report(vite)).files).toBeGreaterThanOrEqual(before.files + 40)
    for (const [index, client] of pending.entries()) {
      if (index % 2 === 0) client.reset()
      else client.tcp.destroy()
    }

    await expect.poll(async () => (await report(vite)).connections).toBe(0)
    // One descriptor may be that of another request for the report.
    await expect.poll(async () => (await report(vite)).files).toBeLessThanOrEqual(before.files + 1)
    expect(vite.isRunning).toBe(true)
    expect(vite.output).not.toMatch(/error|unhandled/i)
    const client = await connectWs(`${vite.url}/api/ws/echo`)
    client.json('alive')
    expect(await client.next()).toBe('alive')
    expect(await vite.stop()).not.toBeNull()
    expect(await client.closed).toMatchObject({ code: 1001 })
  })

  test('a handler that blocks the event loop ends no healthy client', async () => {
    const vite = await ViteProcess.start(installed(folder, { 'vite.config.js': CONFIG }), [...program])
    const url = `${vite.url}/api/ws`
    const quiet = await Promise.all(Array.from({ length: 20 }, () => connectWs(`${url}/quiet`)))
    await nextPings(quiet, 2)
    const block = await connectWs(`${url}/block`)
    // For long, and then for some heartbeats: a pong takes some turns of the event loop through the tunnel.
    const times = [3000, 400, 400]
    for (const ms of times) block.json(ms)
    for (const _ of times) expect(await block.next()).toBe('over')
    await nextPings(quiet, 8)
    expect((await report(vite)).connections).toBe(21)
    await vite.stop()
  })

  test('a process that exits at a signal without closing Vite still tells its clients', async () => {
    const config = `${CONFIG}
process.prependListener('SIGTERM', () => process.exit(3))
`
    const vite = await ViteProcess.start(installed(folder, { 'vite.config.js': config }), [...program])
    const clients = await Promise.all(Array.from({ length: 5 }, () => connectWs(`${vite.url}/api/ws/echo`)))
    for (const client of clients) {
      client.json('alive')
      expect(await client.next()).toBe('alive')
    }
    expect(await vite.stop()).toBe(3)
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1001 })
  })

  test('Ctrl-C ends the process at once, as without the plugin, also while a handler blocks', async () => {
    for (const isBlocked of [false, true]) {
      const vite = await ViteProcess.start(installed(folder, { 'vite.config.js': CONFIG }), [...program])
      const client = await connectWs(`${vite.url}/api/ws/${isBlocked ? 'block' : 'echo'}`)
      client.json(600_000)
      if (isBlocked) await vite.prints('blocks for 600000')
      else expect(await client.next()).toBe(600_000)
      // By the signal itself, which no exit code stands for.
      expect(await vite.stop('SIGINT')).toBeNull()
      expect(await client.closed).toMatchObject({ code: 1006 })
    }
  })
})

describe.each(VITES)('$name', ({ load }) => {
  test('malformed handshakes are answered as the sidecar answers them', async () => {
    const plugin = universalApi({ wsHandlers: [echo('/ws/echo'), echo('/ws/{id}')] })
    const { port } = await dev(await load(), { plugins: [plugin] })
    const sidecar = Number(new URL(plugin.api.url!).port)
    const ask = async (
      to: number,
      headers: Record<string, string | undefined>,
      start: string,
    ): Promise<HttpResponse> => {
      const client = new RawClient(to)
      const response = await client.request('/api/ws/echo', { ...HANDSHAKE, ...headers }, start)
      client.tcp.destroy()
      return response
    }
    const cases: [number, Record<string, string | undefined>, string?][] = [
      [101, { Upgrade: 'foo, websocket' }],
      [101, { Upgrade: 'WebSocket' }],
      [400, { Upgrade: 'foo' }],
      [400, { Upgrade: 'websockets' }],
      [426, { 'Sec-WebSocket-Version': '12' }],
      [400, { 'Sec-WebSocket-Version': undefined }],
      [400, { 'Sec-WebSocket-Key': undefined }],
      [400, { 'Sec-WebSocket-Key': 'short' }],
      [400, { 'Sec-WebSocket-Protocol': 'a, a' }],
      [400, { 'Sec-WebSocket-Protocol': 'a b' }],
      [400, {}, 'POST /api/ws/echo HTTP/1.1'],
      [400, {}, 'GET /api/ws/%zz HTTP/1.1'],
    ]
    for (const [expected, headers, start = 'GET /api/ws/echo HTTP/1.1'] of cases) {
      const [through, direct] = [await ask(port, headers, start), await ask(sidecar, headers, start)]
      expect([start, headers, through.status]).toEqual([start, headers, expected])
      // A server without a proxy in front may take another word for "this is no upgrade".
      if (start.startsWith('GET') && /websocket$/i.test(headers['Upgrade'] ?? 'websocket'))
        expect([headers, through.status, through.body]).toEqual([headers, direct.status, direct.body])
      if (expected === 426) expect(through.headers['sec-websocket-version']).toBe('13')
    }
    const http10 = await ask(port, {}, 'GET /api/ws/echo HTTP/1.0')
    expect(http10.status).toBe(400)
    // No upgrade at all: Vite's to answer.
    expect((await ask(port, { Connection: 'close' }, 'GET /api/ws/echo HTTP/1.1')).status).toBe(200)
  })

  test('frames that come before the answer are not lost', async () => {
    const gate: (() => void)[] = []
    const plugin = universalApi({
      wsHandlers: [
        echo('/ws/gate', 'gate', {
          maxPayload: 1_000_000,
          authenticate: () => new Promise((resolve) => gate.push(() => resolve(true))),
        }),
      ],
    })
    const { port } = await dev(await load(), { plugins: [plugin] })
    for (const size of [1, 200_000]) {
      const client = new RawClient(port)
      const opened = client.open('/api/ws/gate')
      client.text(JSON.stringify('x'.repeat(size)))
      await expect.poll(() => gate.length).toBe(1)
      client.text('"second"')
      gate.pop()?.()
      await opened
      expect(JSON.parse(await client.nextText())).toEqual({ hello: 'gate' })
      expect(JSON.parse(await client.nextText())).toEqual({ gate: 'x'.repeat(size) })
      expect(JSON.parse(await client.nextText())).toEqual({ gate: 'second' })
      client.reset()
    }
  })

  test('a URL that no parser likes harms nobody', async () => {
    const plugin = universalApi({ endpointPrefix: '', wsHandlers: [echo('/**', 'all')] })
    const { port } = await dev(await load(), { plugins: [plugin] })
    for (const target of ['//[', '//', '/a?b=%', '//evil.test/x', '/a//b///c', '/.././..']) {
      const client = new RawClient(port)
      const { status } = await client.request('', HANDSHAKE, `GET ${target} HTTP/1.1`)
      expect([target, status]).toEqual([target, 101])
      client.tcp.destroy()
    }
    await expect.poll(() => plugin.api.stats().connections).toBe(0)
  })
})
