import { expect } from 'vitest'
import type { Server } from '../../../src/index.ts'
import { insideOf } from '../../support/inside.ts'
import { encodeFrame } from '../../support/raw-client.ts'
import type { Case, Contract } from '../harness.ts'
import { pair } from '../upstream-pair.ts'

/** Nothing is left of a connection and of what it was connected to. */
async function untilOver(t: Contract, server: Server): Promise<void> {
  await t.until(() => insideOf(server).holdings().upstreams, 0)
  await t.until(() => server.stats().connections, 0)
}

const MEGABYTE = 1024 * 1024

export const CASES: readonly Case[] = [
  {
    name: 'messages pass both ways as they are: text, binary, empty, large, in fragments, and JSON by the letter',
    async run(t) {
      const { client, backend } = await pair(t)
      const json = '{"n":12345678901234567890,"a" : 1,"\\u0062":"\u2028\ufeff"}'
      const large = Buffer.alloc(MEGABYTE, 'x')
      for (const payload of [
        'plain',
        json,
        '',
        large.toString(),
        Buffer.from([0, 255]),
        Buffer.alloc(0),
        large,
      ]) {
        client.send(payload)
        const got = await backend.messages.next()
        expect(typeof got).toBe(typeof payload)
        expect(Buffer.from(got).equals(Buffer.from(payload as string))).toBe(true)
      }
      for (let i = 0; i < 200; i++) backend.frame(i === 0 ? 1 : 0, `${i},`, i === 199)
      expect(await client.next()).toBe(Array.from({ length: 200 }, (_, i) => `${i},`).join(''))
      backend.send(large)
      expect(large.equals(await client.next())).toBe(true)
      backend.send(Buffer.alloc(0))
      expect(await client.next()).toEqual(Buffer.alloc(0))
      backend.send('')
      expect(await client.next()).toBe('')
    },
  },
  {
    name: 'what the backend sends is what the client gets, by the letter',
    network: true,
    async run(t) {
      const started = await t.backend()
      const server = await t.start({ pattern: '/a', upstream: started.url })
      const client = await t.raw(server).open('/api/a')
      const backend = await started.connections.next()
      const json = '{"n":12345678901234567890,"a" : 1,"\\u0062":"\u2028\ufeff"}'
      for (let i = 0; i < 200; i++)
        client.tcp.write(encodeFrame(i === 0 ? 1 : 0, `${i},`, { fin: i === 199 }))
      expect(await backend.messages.next()).toBe(Array.from({ length: 200 }, (_, i) => `${i},`).join(''))
      backend.send(json)
      const { opcode, payload } = await client.next()
      expect([opcode, payload.toString()]).toEqual([1, json])
    },
  },
  {
    name: 'what comes in one go with the answer of the backend is not lost, nor what the client sends at once',
    async run(t) {
      const { client, backend } = await pair(t, {}, { first: ['1', '2', '3'] })
      client.send('first')
      for (const n of [1, 2, 3]) expect(await client.next()).toBe(n)
      expect(await backend.messages.next()).toBe('first')
    },
  },
  {
    name: 'a backend that closes together with its answer: the client opens, gets what was sent, and the code',
    async run(t) {
      const { server, client } = await pair(t, {}, { first: ['1', '2'], farewell: 4005 })
      expect([await client.next(), await client.next()]).toEqual([1, 2])
      expect((await client.closed).code).toBe(4005)
      await untilOver(t, server)
    },
  },
  {
    name: 'neither comes before an async onConnect has settled, and both come then',
    async run(t) {
      let settle = (): void => {}
      const order: string[] = []
      const { client, backend } = await pair(
        t,
        {
          async onConnect(conn) {
            conn.send('from onConnect')
            conn.upstream!.send('to the backend')
            await new Promise<void>((resolve) => (settle = resolve))
            order.push('settled')
          },
          onMessage: () => void order.push('client'),
          onUpstreamMessage: () => void order.push('backend'),
        },
        { first: ['early'] },
      )
      client.send('early, too')
      expect(await client.next()).toBe('from onConnect')
      expect(await backend.messages.next()).toBe('to the backend')
      expect(order).toEqual([])
      settle()
      expect(await client.next()).toBe('early')
      expect(await backend.messages.next()).toBe('early, too')
      expect(order.toSorted()).toEqual(['backend', 'client', 'settled'])
      expect(order[0]).toBe('settled')
    },
  },
  {
    name: 'each leg answers its own pings',
    network: true,
    async run(t) {
      const { client, backend } = await pair(t)
      backend.frame(9, 'are you there')
      expect(await backend.pongs.next()).toBe('are you there')
      client.ping('and you')
      expect(String(await client.nextPong())).toBe('and you')
      backend.send('end')
      client.send('end')
      expect([await client.next(), await backend.messages.next()]).toEqual(['end', 'end'])
      expect([backend.pings.size, backend.pongs.size]).toEqual([0, 0])
    },
  },
  ...[
    { code: 1000, reason: '' },
    { code: 1001, reason: 'away' },
    { code: 1011, reason: 'broken' },
    { code: 1012, reason: 'restart' },
    { code: 3000, reason: '' },
    { code: 4000, reason: 'my own \u2713' },
    { code: 1005, reason: '' },
  ].flatMap(({ code, reason }): Case[] => {
    const what = code === 1005 ? 'a close frame without a code' : `${code} ${reason}`
    return [
      {
        name: `the backend closes: ${what} is what the client gets, behind the last message`,
        network: true,
        async run(t) {
          const { server, client, backend } = await pair(t)
          backend.send('last')
          backend.close(code === 1005 ? undefined : code, reason)
          expect(await client.next()).toBe('last')
          const { closeWithoutCode } = t.runtime.capabilities
          expect(await client.closed).toEqual({
            code: code === 1005 && !closeWithoutCode ? 1000 : code,
            reason,
          })
          expect(await backend.closed).toEqual({ code, reason })
          await untilOver(t, server)
        },
      },
      {
        name: `the client closes: ${what} is what the backend gets, behind the last message`,
        network: true,
        async run(t) {
          const { server, client, backend } = await pair(t)
          client.send('last')
          client.close(code === 1005 ? undefined : code, reason)
          expect(await backend.messages.next()).toBe('last')
          const isTold = t.runtime.capabilities.everyCloseCode || !(code > 1011 && code < 4000)
          expect(await backend.closed).toEqual(isTold ? { code, reason } : { code: 1005, reason: '' })
          await untilOver(t, server)
        },
      },
    ]
  }),
  {
    name: 'the backend is cut: so is the client, behind the last message',
    network: true,
    async run(t) {
      const { server, client, backend } = await pair(t)
      backend.send('last')
      backend.tcp.end()
      expect(await client.next()).toBe('last')
      expect((await client.closed).code).toBe(1006)
      await untilOver(t, server)
    },
  },
  {
    name: 'the client is cut: so is the backend, behind the last message',
    network: true,
    async run(t) {
      const { server, client, backend } = await pair(t)
      client.send('last')
      expect(await backend.messages.next()).toBe('last')
      client.terminate()
      expect(await backend.closed).toEqual({ code: 1006, reason: '' })
      await untilOver(t, server)
    },
  },
  {
    name: 'a backend that breaks the protocol gets 1002, and its client 1001',
    async run(t) {
      const errors = t.queue<Error & { code?: string }>('error')
      const { server, client, backend } = await pair(t, { onError: (_conn, error) => errors.push(error) })
      backend.frame(3, 'reserved')
      expect((await backend.closed).code).toBe(1002)
      expect((await client.closed).code).toBe(1001)
      const error = await errors.next()
      expect([error.code, error.message]).toEqual([
        'ERR_UPSTREAM',
        expect.stringContaining('reserved opcode 3'),
      ])
      await untilOver(t, server)
    },
  },
  {
    name: 'a message of the backend larger than maxPayload is 1009 there, text that is no UTF-8 is 1007, and 1001 here',
    async run(t) {
      const first = await pair(t, { maxPayload: 1000, onError: () => {} })
      first.backend.send('x'.repeat(1001))
      expect((await first.backend.closed).code).toBe(1009)
      expect((await first.client.closed).code).toBe(1001)
      const second = await pair(t, { onError: () => {} })
      second.backend.frame(1, Buffer.from([0xff]))
      expect((await second.backend.closed).code).toBe(1007)
      expect((await second.client.closed).code).toBe(1001)
    },
  },
  {
    name: 'a client that breaks the protocol, or a limit of ours, gets its code, and the backend 1001',
    network: true,
    async run(t) {
      const started = await t.backend()
      const server = await t.start({ pattern: '/a', upstream: started.url, maxPayload: 1000 })
      const broken = await t.raw(server).open('/api/a')
      broken.frame(3, 'reserved')
      expect((await (await started.connections.next()).closed).code).toBe(1001)
      const large = await t.connect(server, '/a')
      const backend = await started.connections.next()
      large.send('x'.repeat(1001))
      expect((await large.closed).code).toBe(1009)
      expect((await backend.closed).code).toBe(1001)
      await untilOver(t, server)
    },
  },
  {
    name: 'a server that closes sends 1001 both ways, and waits for both',
    async run(t) {
      const { server, client, backend } = await pair(t)
      const inside = insideOf(server)
      await server.close()
      expect(inside.holdings().upstreams).toBe(0)
      expect((await client.closed).code).toBe(1001)
      expect((await backend.closed).code).toBe(1001)
    },
  },
  {
    name: 'a backend that does not answer a close frame is let go after 2 s',
    async run(t) {
      const { server, client, backend } = await pair(t)
      backend.answersClose = false
      client.close(1000)
      expect((await backend.closed).code).toBe(1000)
      const ended = new Promise((resolve) => backend.tcp.once('close', resolve))
      await ended
      await untilOver(t, server)
    },
  },
  {
    name: 'a hook that closes the connection closes both with its code; forceClose cuts both',
    async run(t) {
      const { client, backend } = await pair(t, { onMessage: (conn) => conn.close(4001, 'enough') })
      client.send('x')
      expect(await client.closed).toEqual({ code: 4001, reason: 'enough' })
      expect(await backend.closed).toEqual({ code: 4001, reason: 'enough' })
      const cut = await pair(t, { onMessage: (conn) => conn.forceClose() })
      cut.client.send('x')
      expect((await cut.client.closed).code).toBe(1006)
      expect((await cut.backend.closed).code).toBe(1006)
    },
  },
  {
    name: 'conn.upstream.close() closes the backend with its code, and the client with the answer',
    async run(t) {
      const { client, backend, server } = await pair(t, {
        onMessage(conn) {
          expect(() => conn.upstream!.close(1005)).toThrow(/close code 1005 cannot be sent/)
          conn.upstream!.close(4002, 'over')
          expect(conn.upstream!.send('late')).toBe('closed')
        },
      })
      client.send('x')
      expect(await backend.closed).toEqual({ code: 4002, reason: 'over' })
      expect(await client.closed).toEqual({ code: 4002, reason: 'over' })
      await untilOver(t, server)
    },
  },
  {
    standalone: 'the plugin reloads by itself',
    name: 'a reload that changes what is asked closes both with 1001; one that does not leaves them alone',
    async run(t) {
      const started = await t.backend()
      const handler = { pattern: '/a', upstream: { url: started.url, headers: { 'X-A': '1' } } }
      const server = await t.start(handler)
      const client = await t.connect(server, '/a')
      const backend = await started.connections.next()
      server.reload({ wsHandlers: [{ ...handler, onMessage: () => 'changed' }] })
      client.send('x')
      expect(await backend.messages.next()).toBe('changed')
      server.reload({ wsHandlers: [{ ...handler, upstream: { url: started.url } }] })
      expect((await client.closed).code).toBe(1001)
      expect((await backend.closed).code).toBe(1001)
      const again = await t.connect(server, '/a')
      const last = await started.connections.next()
      server.reload({ wsHandlers: [{ pattern: '/a' }] })
      expect((await again.closed).code).toBe(1001)
      expect((await last.closed).code).toBe(1001)
    },
  },
  ...(['the client', 'the backend', 'both'] as const).map((where): Case => ({
    name: `compression only at ${where}: the messages are the same`,
    network: true,
    async run(t) {
      const started = await t.backend({ deflate: true })
      const upstream = { url: started.url, compression: where !== 'the client' }
      const server = await t.start({ pattern: '/a', upstream, compression: where !== 'the backend' })
      const client = await t.connect(server, '/a', { deflate: where !== 'the backend' })
      const backend = await started.connections.next()
      expect(client.extensions.includes('permessage-deflate')).toBe(where !== 'the backend')
      const long = JSON.stringify(Array.from({ length: 500 }, (_, n) => ({ n, text: 'to be compressed' })))
      for (const text of [long, '"short"', long]) {
        client.send(text)
        expect(await backend.messages.next()).toBe(text)
        expect(backend.wasCompressed).toBe(where !== 'the client' && text === long)
        backend.send(text)
        expect(JSON.stringify(await client.next())).toBe(text)
      }
    },
  })),
]
