import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { request } from 'node:https'
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { universalApi, type HandshakeRequest } from '../../src/index.ts'
import { createCertificate } from '../cli/certificate.ts'
import { connectWs } from '../support/client.ts'
import { HANDSHAKE, RawClient } from '../support/raw-client.ts'
import { dev, echo, preview, project, VITES } from './rig.ts'

async function ask(port: number, headers: Record<string, string>, path = '/api/ws/chat'): Promise<number> {
  const client = new RawClient(port)
  const { status } = await client.request(path, { ...HANDSHAKE, ...headers })
  client.tcp.destroy()
  return status
}

/** This machine's addresses as other machines see them. */
function outside(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}

const chat = () => universalApi({ wsHandlers: [echo('/ws/chat')] })

describe.each(VITES)('$name', ({ load }) => {
  test('server.allowedHosts holds for upgrades, with and without Origin', async () => {
    const { port, terminal } = await dev(await load(), {
      plugins: [chat()],
      server: { allowedHosts: ['dev.example', '.suffix.example'] },
    })
    const local = ['127.0.0.1', `localhost:${port}`, 'app.localhost', '[::1]:5173', '192.168.1.7']
    const listed = [`dev.example:${port}`, 'suffix.example', 'a.b.suffix.example']
    for (const Host of [...local, ...listed]) expect([Host, await ask(port, { Host })]).toEqual([Host, 101])
    for (const Host of [
      'evil.example',
      'notsuffix.example',
      'dev.example.evil.example',
      '127.0.0.1.evil.example',
    ]) {
      expect([Host, await ask(port, { Host })]).toEqual([Host, 403])
      // A rebound name: the page and the request have the same one.
      expect([Host, await ask(port, { Host, Origin: `http://${Host}` })]).toEqual([Host, 403])
      expect([Host, await ask(port, { Host, Origin: 'http://localhost:5173' })]).toEqual([Host, 403])
    }
    expect(terminal.text).toContain('"evil.example"')
    expect(terminal.text).toContain('server.allowedHosts')
  })

  test('our origin rule holds behind the dev server, for names that Vite serves too', async () => {
    const { port } = await dev(await load(), {
      plugins: [universalApi({ allowedOrigins: ['https://ok.example'], wsHandlers: [echo('/ws/chat')] })],
      server: { allowedHosts: ['dev.example'] },
    })
    const Host = `127.0.0.1:${port}`
    const cases: [number, string, string][] = [
      [101, Host, `http://localhost:${port}`],
      [101, Host, 'http://127.0.0.1:3000'],
      [101, Host, 'https://ok.example'],
      [403, Host, 'https://evil.example'],
      [403, Host, 'null'],
      [403, Host, 'http://192.168.1.7:5173'],
      [101, '192.168.1.7:5173', 'http://192.168.1.7:5173'],
      [101, `dev.example:${port}`, `http://dev.example:${port}`],
      // Served by Vite, but another site's page.
      [403, `dev.example:${port}`, 'https://evil.example'],
      [403, Host, `http://dev.example:${port}`],
    ]
    for (const [status, host, Origin] of cases)
      expect([host, Origin, await ask(port, { Host: host, Origin })]).toEqual([host, Origin, status])
  })

  test('allowedHosts: true, and the rule for preview', async () => {
    const vite = await load()
    const open = await dev(vite, { plugins: [chat()], server: { allowedHosts: true } })
    expect(await ask(open.port, { Host: 'any.example' })).toBe(101)
    expect(await ask(open.port, { Host: 'any.example', Origin: 'http://other.example' })).toBe(403)
    const built = await preview(vite, { plugins: [chat()], preview: { allowedHosts: ['shown.example'] } })
    expect(await ask(built.port, { Host: 'shown.example', Origin: 'http://shown.example' })).toBe(101)
    expect(await ask(built.port, { Host: 'any.example' })).toBe(403)
    expect(built.terminal.text).toContain('preview.allowedHosts')
  })

  test('an upgrade to something else than WebSocket is answered over https too', async () => {
    const { port } = await dev(await load(), {
      plugins: [
        chat(),
        { name: 'hello', configureServer: ({ middlewares }) => void middlewares.use('/hello', hello) },
      ],
      server: { https: createCertificate() },
    })
    const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': '' }
    const asked = request({ port, host: '127.0.0.1', path: '/hello', headers, rejectUnauthorized: false })
    const [response] = (await once(asked.end(), 'response')) as [IncomingMessage]
    expect([response.statusCode, (await response.toArray()).join('')]).toEqual([200, 'hello'])
  })

  for (const encrypted of [false, true]) {
    test(`conn.req is the browser's request, ${encrypted ? 'https' : 'http'}`, async () => {
      const seen: HandshakeRequest[] = []
      const plugin = universalApi({
        logLevel: 'debug',
        wsHandlers: [
          {
            pattern: '/ws/{room}',
            authenticate: (req) => seen.push(req) > 0,
            onConnect: (conn) => {
              seen.push(conn.req)
              conn.send({ port: conn.req.socket.remotePort })
            },
          },
        ],
      })
      const { port, terminal } = await dev(await load(), {
        base: '/app/',
        plugins: [plugin],
        ...(encrypted && { server: { https: createCertificate() } }),
      })
      const lies = {
        'X-Forwarded-For': '6.6.6.6',
        'X-Forwarded-Port': '666',
        'X-Forwarded-Proto': encrypted ? 'http' : 'https',
        'X-Forwarded-Uri': '/api/ws/lie',
        'X-Sidewire-Secret': 'guess',
        'X-Sidewire-Known-Host': 'yes',
        'X-Mine': 'kept',
      }
      const path = '/app/api/ws/a%20b?token=%2F&x=//y'
      const client = await connectWs(`${encrypted ? 'wss' : 'ws'}://127.0.0.1:${port}${path}`, {
        headers: lies,
      })
      const { port: told } = await client.next()
      expect(seen).toHaveLength(2)
      for (const req of seen) {
        expect(req.url).toBe(path)
        expect(req.params).toEqual({ room: 'a b' })
        expect(req.headers.host).toBe(`127.0.0.1:${port}`)
        expect(req.headers['x-mine']).toBe('kept')
        expect(req.socket).toEqual({ remoteAddress: '127.0.0.1', remotePort: told, encrypted })
        expect(told).not.toBe(666)
        expect(JSON.stringify(req)).not.toMatch(/sidewire|forwarded|guess|6\.6\.6\.6/i)
      }
      expect(plugin.api.connections).toMatchObject([{ remoteAddress: '127.0.0.1', path: expect.any(String) }])

      // Straight to the sidecar, with the same lies.
      seen.length = 0
      const direct = await connectWs(`${plugin.api.url}/api/ws/b`, { headers: lies })
      await direct.next()
      expect(seen[0]).toMatchObject({
        url: '/api/ws/b',
        socket: { remoteAddress: '127.0.0.1', encrypted: false },
      })
      expect(
        await ask(Number(new URL(plugin.api.url!).port), {
          Host: 'evil.example',
          Origin: 'http://evil.example',
          'X-Sidewire-Known-Host': 'yes',
        }),
      ).toBe(403)
      expect(terminal.text).not.toMatch(/secret/i)
    })
  }

  test("the browser's own port is told, and the sidecar is reached on loopback only", async () => {
    let told: number | undefined
    const plugin = universalApi({
      wsHandlers: [{ pattern: '/ws/chat', onConnect: (conn) => void (told = conn.req.socket.remotePort) }],
    })
    const { port } = await dev(await load(), { plugins: [plugin], server: { host: true }, root: project() })
    const client = await new RawClient(port).open('/api/ws/chat')
    await expect.poll(() => told).toBe((client.tcp.address() as { port: number }).port)
    const sidecar = Number(new URL(plugin.api.url!).port)
    for (const address of outside()) {
      await expect(connectWs(`ws://${address}:${sidecar}/api/ws/chat`)).rejects.toThrow('ECONNREFUSED')
      const open = await connectWs(`ws://${address}:${port}/api/ws/chat`)
      open.terminate()
    }
  })

  test("maxConnectionsPerAddress is about the browser's address, not the dev server's", async () => {
    const plugin = universalApi({ maxConnectionsPerAddress: 1, wsHandlers: [echo('/ws/chat')] })
    const { port } = await dev(await load(), { plugins: [plugin], server: { host: true }, root: project() })
    const url = (address: string): string => `ws://${address}:${port}/api/ws/chat`
    const first = await connectWs(url('127.0.0.1'))
    expect(await ask(port, {})).toBe(429)
    // Whoever connects to one of the machine's own addresses comes from that address.
    for (const address of outside().slice(0, 1)) {
      const other = await connectWs(url(address))
      expect(plugin.api.connections.map(({ remoteAddress }) => remoteAddress)).toEqual(['127.0.0.1', address])
      await expect(connectWs(url(address))).rejects.toThrow('429')
      other.terminate()
    }
    first.close(1000)
    await expect.poll(() => ask(port, {})).toBe(101)
    expect(plugin.api.stats().refusedBy.maxConnectionsPerAddress).toBeGreaterThan(0)
  })
})

function hello(_request: IncomingMessage, response: ServerResponse): void {
  response.end('hello')
}
