import { expect } from 'vitest'
import type { Case } from '../harness.ts'

export const CASES: readonly Case[] = [
  {
    name: 'every connection is pinged every n ms, precise to a tenth',
    async run(t) {
      const n = 200
      const server = await t.start({ pattern: '/a', heartbeat: n })
      const client = await t.connect(server, '/a')
      const times: number[] = []
      for (let i = 0; i < 8; i++) {
        await client.nextPing()
        times.push(performance.now())
      }
      const intervals = times.slice(1).map((time, i) => time - (times[i] ?? 0))
      // The median: a busy machine delays one ping and so shortens the interval behind it. How precise the timer itself
      // is, test/engine/liveness.test.ts asks of a clock that is never late.
      const median = intervals.toSorted((a, b) => a - b)[3] ?? 0
      const slack = t.stalled / intervals.length
      expect(median).toBeGreaterThan(n * 0.9 - slack)
      expect(median).toBeLessThan(n * 1.1 + slack)
    },
  },
  {
    name: 'after three pings without life: onError with a timeout, close 1001, onClose 1006',
    network: true,
    async run(t) {
      const n = 100
      const events = t.queue<unknown>('event')
      const server = await t.start({
        pattern: '/a',
        heartbeat: n,
        onError: (conn, error) => events.push([error.code, error.message.includes('timeout'), conn.closed]),
        onClose: (_conn, code, reason, byClient) => events.push([code, reason, byClient]),
      })
      const start = performance.now()
      const client = await t.raw(server).open('/api/a')
      expect(await events.next()).toEqual(['ERR_HEARTBEAT_TIMEOUT', true, false])
      const elapsed = performance.now() - start
      expect(elapsed).toBeGreaterThan(3 * n * 0.9)
      expect(await events.next()).toEqual([1006, '', false])
      let pings = 0
      for (let { opcode } = await client.next(); opcode !== 8; { opcode } = await client.next()) {
        expect(opcode).toBe(9)
        pings++
      }
      // A tick that a busy machine makes late does not count.
      expect(pings).toBeGreaterThanOrEqual(3)
      expect(pings).toBeLessThan(6 + t.stalled / (n / 2))
      expect(elapsed).toBeLessThan((pings + 1) * n * 1.1 + 500 + t.stalled)
      await client.ended
    },
  },
  {
    name: 'the guide: onError may close with a code of its own',
    network: true,
    async run(t) {
      const closed = t.queue<unknown>('close')
      const server = await t.start({
        pattern: '/a',
        heartbeat: 100,
        onError: (conn, error) => {
          if (error.message.includes('timeout')) conn.close(1000, 'Timeout')
        },
        onClose: (_conn, code, reason) => closed.push([code, reason]),
      })
      const client = await t.raw(server).open('/api/a')
      expect(await client.nextClose()).toEqual({ code: 1000, reason: 'Timeout' })
      expect(await closed.next()).toEqual([1000, 'Timeout'])
    },
  },
  {
    name: 'any frame from the client counts as life',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/a', heartbeat: 100, onMessage: () => {} })
      const client = await t.raw(server).open('/api/a')
      // Eight intervals, twice what silence may last, and never a pong to a ping.
      for (let i = 0; i < 8; i++) {
        const { opcode } = await client.next()
        expect(opcode).toBe(9)
        if (i % 2) client.text('alive')
        else client.frame(10, 'unasked')
      }
      expect(server.connections).toHaveLength(1)
    },
  },
  {
    name: 'ping sends one frame with an optional payload; onPong gets the answer',
    async run(t) {
      const pongs = t.queue<string>('pong')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          conn.ping()
          conn.ping('with payload')
          conn.ping('x'.repeat(125))
        },
        onPong: (_conn, data) => pongs.push(data.toString()),
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      const expected = ['', 'with payload', 'x'.repeat(125)]
      for (const payload of expected) expect((await client.nextPing()).toString()).toBe(payload)
      for (const payload of expected) expect(await pongs.next()).toBe(payload)
    },
  },
  {
    name: 'a ping or pong payload of more than 125 bytes throws ERR_CONTROL_PAYLOAD',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          const calls = [
            () => conn.ping('x'.repeat(126)),
            () => conn.pong('é'.repeat(63)),
            () => conn.ping(Buffer.alloc(126)),
          ]
          conn.send(
            calls.map((attempt) => {
              try {
                attempt()
                return 'sent'
              } catch (error) {
                return (error as { code?: string }).code
              }
            }),
          )
        },
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect(await client.next()).toEqual([
        'ERR_CONTROL_PAYLOAD',
        'ERR_CONTROL_PAYLOAD',
        'ERR_CONTROL_PAYLOAD',
      ])
    },
  },
  {
    name: 'pong sends an unsolicited pong',
    when: ({ unsolicitedPong }) => unsolicitedPong,
    async run(t) {
      const server = await t.start({ pattern: '/a', onMessage: (conn) => conn.pong('hello') })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect((await client.nextPong()).toString()).toBe('hello')
    },
  },
  {
    name: 'where the runtime cannot, pong warns once and does nothing',
    when: ({ unsolicitedPong }) => !unsolicitedPong,
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          conn.pong('hello')
          conn.pong()
          conn.send('still here')
        },
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect(await client.next()).toBe('still here')
      expect(t.log.filter((line) => line.includes('conn.pong()'))).toHaveLength(1)
    },
  },
  {
    name: 'a client ping is answered by exactly one pong, with its payload, and reaches onPing',
    network: true,
    async run(t) {
      const pings = t.queue<string>('ping')
      const server = await t.start({ pattern: '/a', onPing: (_conn, data) => pings.push(data.toString()) })
      const client = await t.raw(server).open('/api/a')
      client.frame(9, 'one')
      client.frame(9, 'two')
      expect(await pings.next()).toBe('one')
      expect(await pings.next()).toBe('two')
      expect((await client.next()).payload.toString()).toBe('one')
      const second = await client.next()
      expect([second.opcode, second.payload.toString()]).toEqual([10, 'two'])
    },
  },
  {
    name: '1,000 pings in one piece get 1,000 pongs',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      const client = await t.raw(server).open('/api/a')
      client.tcp.cork()
      for (let i = 0; i < 1000; i++) client.frame(9, String(i))
      client.tcp.uncork()
      for (let i = 0; i < 1000; i++) expect((await client.next()).payload.toString()).toBe(String(i))
    },
  },
  {
    name: 'inactivityTimeout closes with 1000 Inactivity timeout; a message or ping puts it off, a pong or a send does not',
    async run(t) {
      // Two pings have to come in it, on a busy machine too.
      const timeout = 2500
      const server = await t.start({
        pattern: '/a',
        inactivityTimeout: timeout,
        heartbeat: 300,
        onMessage: (conn) => void conn.send('x'),
      })
      const client = await t.connect(server, '/a')
      let last = performance.now()
      for (const act of [() => client.send('m'), () => client.ping('p')]) {
        await client.nextPing()
        await client.nextPing()
        act()
        last = performance.now()
      }
      expect(await client.closed).toEqual({ code: 1000, reason: 'Inactivity timeout' })
      expect(performance.now() - last).toBeGreaterThan(timeout * 0.9)
      expect(performance.now() - last).toBeLessThan(timeout * 2 + t.stalled)
    },
  },
]
