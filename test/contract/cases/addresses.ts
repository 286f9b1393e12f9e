import { createServer, type Server as TcpServer } from 'node:net'
import { expect } from 'vitest'
import type { ListenOptions, RuntimeEvents } from '../../../src/engine/runtime.ts'
import type { Server } from '../../../src/index.ts'
import { connectWs, type TestClient } from '../../support/client.ts'
import { freePort } from '../../support/free-port.ts'
import { LOOPBACK } from '../../support/loopback.ts'
import type { Case } from '../harness.ts'

const STANDALONE = 'the addresses are those of the server in front'
/** RFC 3849: for documentation, so nobody's. */
const ABSENT = '2001:db8::1'

const connect = (host: string, { port }: Server, path = '/a', headers = {}): Promise<TestClient> =>
  connectWs(`ws://${host}:${port}/api${path}`, { headers })

const OK = { status: 200, headers: {}, body: 'ok' }
const nothing = (): void => {}
const EVENTS: RuntimeEvents<undefined> = {
  upgrade: () => ({ accept: false, answer: OK }),
  request: () => OK,
  handshakeTimedOut: nothing,
  hungUp: nothing,
  open: nothing,
  message: nothing,
  ping: nothing,
  pong: nothing,
  drain: nothing,
  overflow: nothing,
  closed: nothing,
}
const LIMITS: Omit<ListenOptions, 'hosts' | 'port'> = {
  maxPayload: 1024,
  maxBackpressure: 1024,
  handshakeTimeout: 0,
  sharesPort: false,
}

/** The addresses that take connections on the port. */
async function listening({ port }: Pick<Server, 'port'>): Promise<string[]> {
  const asked = LOOPBACK.map(async (host) => {
    // A connection that is kept would be asked again when the next server has the port.
    const headers = { Connection: 'close' }
    const response = await fetch(`http://${host}:${port}/healthz`, { headers }).catch(() => undefined)
    return response?.status === 200 ? [host] : []
  })
  return (await Promise.all(asked)).flat()
}

/** Another program that has the port, and hangs up on whoever comes. */
function occupy(host: string, port: number): Promise<TcpServer> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}

export const CASES: readonly Case[] = [
  {
    name: 'without a host, and with localhost, it listens on both loopback addresses at one port',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      for (const host of [undefined, 'localhost', 'LOCALHOST']) {
        const server = await t.start({ pattern: '/a' }, host === undefined ? {} : { host })
        expect(server.url).toBe(`ws://${host ?? '127.0.0.1'}:${server.port}`)
        expect(await listening(server)).toEqual(LOOPBACK)
        await server.close()
        expect(await listening(server)).toEqual([])
      }
      const port = await freePort()
      const server = await t.start({ pattern: '/a' }, { port })
      expect(await listening(server)).toEqual(LOOPBACK)
      await server.close()
      expect(await listening(await t.start({ pattern: '/a' }, { port }))).toEqual(LOOPBACK)
    },
  },
  {
    name: 'a host that is an address listens there only, with or without the brackets of a URL',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      expect(await listening(await t.start({ pattern: '/a' }, { host: '127.0.0.1' }))).toEqual(['127.0.0.1'])
      for (const host of LOOPBACK.includes('[::1]') ? ['::1', '[::1]'] : []) {
        const server = await t.start({ pattern: '/a' }, { host })
        expect(server.url).toBe(`ws://[::1]:${server.port}`)
        expect(await listening(server)).toEqual(['[::1]'])
      }
    },
  },
  {
    name: 'connections on both addresses are of one server: rooms, broadcasts in order, limits, addresses',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const closes = t.queue<number>('close')
      const server = await t.start(
        {
          pattern: '/a',
          onConnect: (conn, req) => {
            conn.joinRoom('all')
            conn.joinRoom(req.headers['x-room'] as string)
            conn.send(req.socket.remoteAddress)
          },
          onMessage: (conn, data) => {
            if (data === 'union') conn.broadcast('union', { rooms: ['odd', 'even'], includeSelf: true })
            else if (data === 'room') conn.broadcast('room', { room: 'odd' })
            else {
              conn.broadcast(`${data} 1`)
              conn.broadcast(`${data} 2`, { includeSelf: true })
              conn.send(`${data} 3`)
              conn.broadcast(`${data} 4`, { rooms: ['all'], includeSelf: true })
            }
          },
          onClose: (conn, code) => {
            conn.broadcast('left')
            closes.push(code)
          },
        },
        { maxConnections: 2 * LOOPBACK.length },
      )
      const hosts = LOOPBACK.flatMap((host) => [host, host])
      const clients: TestClient[] = []
      for (const [i, host] of hosts.entries()) {
        const client = await connect(host, server, '/a', { 'X-Room': i % 2 === 0 ? 'even' : 'odd' })
        expect(await client.next()).toBe(host.replace(/[[\]]/g, ''))
        clients.push(client)
      }
      const refused = LOOPBACK.map((host) => connect(host, server))
      for (const attempt of refused) await expect(attempt).rejects.toThrow('503')
      expect(server.connections.length).toBe(hosts.length)

      for (const sender of clients) {
        sender.send('m')
        const others = clients.filter((client) => client !== sender)
        for (const text of ['m 2', 'm 3', 'm 4']) expect(await sender.next()).toBe(text)
        for (const other of others)
          for (const text of ['m 1', 'm 2', 'm 4']) expect(await other.next()).toBe(text)
        sender.send('union')
        for (const client of clients) expect(await client.next()).toBe('union')
        sender.send('room')
        for (const client of others.filter((other) => clients.indexOf(other) % 2 === 1))
          expect(await client.next()).toBe('room')
        server.publish('/a', 'server')
        for (const client of clients) expect(await client.next()).toBe('server')
      }
      const [gone, ...rest] = clients
      gone?.close(4000)
      expect(await closes.next()).toBe(4000)
      for (const client of rest) expect(await client.next()).toBe('left')
      await t.until(() => server.connections.length, rest.length)
      clients[0] = await connect('127.0.0.1', server, '/a', { 'X-Room': 'even' })
      await server.close()
      for (const client of clients.slice(1)) expect((await client.closed).code).toBe(1001)
      expect(server.stats()).toMatchObject({ opened: hosts.length + 1, refused: LOOPBACK.length })
    },
  },
  {
    name: 'plain requests, refusals and origins are the same on both addresses',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      for (const host of LOOPBACK) {
        expect((await fetch(`http://${host}:${server.port}/api/a`)).status).toBe(426)
        await expect(connect(host, server, '/b')).rejects.toThrow('404')
        await connect(host, server, '/a', { Origin: `http://${host}:${server.port}` })
        await connect(host, server, '/a', { Origin: `http://localhost:${server.port}` })
        await expect(connect(host, server, '/a', { Origin: 'https://evil.example' })).rejects.toThrow('403')
      }
    },
  },
  {
    name: 'an address that the machine does not have is left out, unless it is the first',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const server = await t.runtime.listen(EVENTS, { ...LIMITS, hosts: ['127.0.0.1', ABSENT], port: 0 })
      try {
        expect(await listening(server)).toEqual(['127.0.0.1'])
      } finally {
        await server.close()
      }
      const failed = t.runtime.listen(EVENTS, {
        ...LIMITS,
        hosts: [ABSENT, '127.0.0.1'],
        port: server.port,
      })
      await expect(failed).rejects.toMatchObject({
        code: 'ERR_LISTEN',
        message: expect.stringContaining(`[${ABSENT}]:${server.port}`),
      })
      expect(await listening(server)).toEqual([])
    },
  },
  {
    name: 'a port that another program has on one of the addresses is ERR_LISTEN, and nothing listens',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      for (const host of LOOPBACK) {
        const port = await freePort()
        const other = await occupy(host.replace(/[[\]]/g, ''), port)
        try {
          await expect(t.start({ pattern: '/a' }, { port })).rejects.toMatchObject({
            code: 'ERR_LISTEN',
            message: expect.stringContaining(`cannot listen on ${host}:${port}: the port is in use`),
          })
          expect(await listening({ port })).toEqual([])
        } finally {
          await new Promise((resolve) => other.close(resolve))
        }
        expect(await listening(await t.start({ pattern: '/a' }, { port }))).toEqual(LOOPBACK)
      }
    },
  },
]
