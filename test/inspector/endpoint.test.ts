import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Server, ServerOptions } from '../../src/index.ts'
import { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { connectWs } from '../support/client.ts'
import { inNewFolder } from '../support/in-folder.ts'
import { http, httpOf, Page, served } from './asking.ts'

const running: Server[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

const TOKEN = 'a token of the test'
const CHAT: NonNullable<ServerOptions['wsHandlers']>[number] = {
  pattern: '/chat',
  onConnect: (conn) => conn.joinRoom('lobby'),
  onMessage: (conn, data) => conn.broadcast(data, { rooms: ['lobby'], includeSelf: true }),
}
const ECHO: typeof CHAT = { pattern: '/echo', onMessage: (conn, data) => void conn.send(data) }

/** Facts of a row that are other ones each time. */
const CHANGING = ['n', 'at', 'ms', 'bytes', 'message']

describe.each(NETWORK_RUNTIMES)('on %s', (runtime) => {
  async function start(options: ServerOptions = {}): Promise<Server> {
    const server = await served({ runtime, wsHandlers: [CHAT, ECHO], ...options })
    running.push(server)
    return server
  }

  test('shows what happens: handshakes, rooms, messages, who took them, broadcasts once, ends', async () => {
    const server = await start()
    const page = new Page(server)
    await expect(connectWs(`${server.url}/api/chatt`)).rejects.toThrow('404')
    const [one, other] = [
      await connectWs(`${server.url}/api/chat?room=1`),
      await connectWs(`${server.url}/api/chat`),
    ]
    one.json({ hello: 'you' })
    await other.next()
    one.close(4001, 'enough')
    await one.closed
    const rows = await page.rowsUntil('close')
    const facts = rows
      .toSorted((first, second) => first.n - second.n)
      .map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !CHANGING.includes(name))))
    expect(facts).toEqual([
      {
        type: 'refused',
        reason: 'path',
        path: '/api/chatt',
        status: 404,
        text: expect.stringContaining('did you mean /api/chat'),
        cure: expect.stringContaining('endpointPrefix'),
      },
      { type: 'open', pattern: '/chat', path: '/api/chat', conn: 1 },
      { type: 'join', pattern: '/chat', path: '/api/chat', conn: 1, room: 'lobby' },
      { type: 'open', pattern: '/chat', path: '/api/chat', conn: 2 },
      { type: 'join', pattern: '/chat', path: '/api/chat', conn: 2, room: 'lobby' },
      { type: 'message', pattern: '/chat', path: '/api/chat', conn: 1, text: '{"hello":"you"}' },
      {
        type: 'broadcast',
        pattern: '/chat',
        conn: 1,
        rooms: ['lobby'],
        text: '{"hello":"you"}',
        receivers: 2,
        to: expect.toSatisfy((to: number[]) => to.length === 2 && to.includes(1) && to.includes(2)),
      },
      { type: 'handled', pattern: '/chat', path: '/api/chat', conn: 1, by: 'onMessage' },
      {
        type: 'close',
        pattern: '/chat',
        path: '/api/chat',
        conn: 1,
        code: 4001,
        reason: 'enough',
        from: 'client',
      },
    ])
    const [message, handled] = [
      rows.find(({ type }) => type === 'message'),
      rows.find(({ type }) => type === 'handled'),
    ]
    expect(handled).toMatchObject({ message: message?.n, ms: expect.any(Number) })
  })

  test('lists handlers, rooms and connections with what was sent over them', async () => {
    const server = await start({ endpointPrefix: ['/api', '/v2'] })
    const page = new Page(server)
    const one = await connectWs(`${server.url}/v2/chat`, { headers: { 'User-Agent': 'Firefox/120' } })
    const other = await connectWs(`${server.url}/api/echo`)
    other.send('12345')
    await other.next()
    one.send('123')
    await one.next()
    const got = await page.watch({ connections: { skip: 0, limit: 100 } })
    expect(got.handlers).toEqual([
      { pattern: '/chat', paths: ['/api/chat', '/v2/chat'] },
      { pattern: '/echo', paths: ['/api/echo', '/v2/echo'] },
    ])
    expect(got.connections?.rooms).toEqual([{ pattern: '/chat', room: 'lobby', size: 1 }])
    expect(got.connections?.found).toBe(2)
    expect(got.connections?.rows[0]).toMatchObject({
      conn: 1,
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      pattern: '/chat',
      path: '/v2/chat',
      rooms: ['lobby'],
      remoteAddress: expect.stringMatching(/^127\.0\.0\.1$|^::1$/),
      userAgent: 'Firefox/120',
      since: expect.any(Number),
      bufferedAmount: 0,
      messagesIn: 1,
      bytesIn: 3,
      messagesOut: 1,
      bytesOut: 3,
    })
    expect(got.connections?.rows[1]).toMatchObject({ messagesIn: 1, bytesIn: 5, messagesOut: 1, bytesOut: 5 })
    const found = async (query: object): Promise<unknown> =>
      (await page.watch({ connections: { skip: 0, limit: 100, ...query } })).connections?.rows.map(
        ({ conn }) => conn,
      )
    expect(await found({ pattern: '/echo' })).toEqual([2])
    expect(await found({ pattern: '/chat', room: 'lobby' })).toEqual([1])
    expect(await found({ search: 'firefox' })).toEqual([1])
    expect(await found({ search: '#2' })).toEqual([2])
    expect(await found({ skip: 1 })).toEqual([2])
  })

  test('a page that is opened late sees the last rows, and as many as were asked for are kept', async () => {
    const server = await start({ inspector: { history: 50 } })
    const client = await connectWs(`${server.url}/api/echo`)
    for (let i = 0; i < 100; i++) client.send(`message ${i}`)
    for (let i = 0; i < 100; i++) await client.next()
    const { rows, left } = await new Page(server).watch()
    const frames = rows.filter(({ type }) => type !== 'handled')
    expect(frames).toHaveLength(50)
    expect(frames.at(-1)?.['text']).toBe('message 99')
    expect(left).toBe(0)
  })

  test('sends to a connection, a handler and a room, closes and cuts, and marks it', async () => {
    const server = await start()
    const page = new Page(server)
    const [one, other] = [
      await connectWs(`${server.url}/api/chat`),
      await connectWs(`${server.url}/api/chat`),
    ]
    const { connections } = await page.watch({ connections: { skip: 0, limit: 10 } })
    const [first, second] = connections!.rows.map(({ id }) => ({ connection: id }))
    expect(await page.ask('send', { to: first, text: 'to one' })).toEqual({ receivers: 1 })
    expect(await one.next()).toBe('to one')
    expect(await page.ask('send', { to: { pattern: '/chat' }, data: { to: 'all' } })).toEqual({
      receivers: 2,
    })
    expect(await page.ask('send', { to: { pattern: '/chat', rooms: ['lobby'] }, base64: 'AAH/' })).toEqual({
      receivers: 2,
    })
    for (const client of [one, other]) {
      expect(await client.next()).toEqual({ to: 'all' })
      expect(await client.next()).toEqual(Buffer.from([0, 1, 255]))
    }
    expect(await page.ask('disconnect', { to: first, code: 4000, reason: 'off you go' })).toEqual({
      connections: 1,
    })
    expect(await one.closed).toEqual({ code: 4000, reason: 'off you go' })
    expect(await page.ask('disconnect', { to: second })).toEqual({ connections: 1 })
    expect(await other.closed).toMatchObject({ code: 1006 })
    const rows = await page.rowsUntil('close', 2)
    expect(rows.filter(({ byInspector }) => byInspector).map(({ type }) => type)).toEqual([
      'sent',
      'broadcast',
      'broadcast',
      'close',
      'close',
    ])
    expect((await page.post('send', { to: first, text: 'x' })).status).toBe(404)
    expect((await page.post('send', { to: { pattern: '/none' }, text: 'x' })).status).toBe(400)
  })

  test('only looks, where it is told to', async () => {
    const server = await start({ inspector: { readOnly: true } })
    const client = await connectWs(`${server.url}/api/chat`)
    const page = new Page(server)
    expect((await page.watch()).readOnly).toBe(true)
    for (const what of ['send', 'disconnect'])
      expect(await page.post(what, { to: { pattern: '/chat' }, text: 'x' })).toMatchObject({
        status: 403,
        body: expect.stringContaining('readOnly'),
      })
    client.send('still here')
    expect(await client.next()).toBe('still here')
  })

  test('faults are switched for all, a handler, a connection, marked, counted, and lifted', async () => {
    const server = await start()
    const page = new Page(server)
    const client = await connectWs(`${server.url}/api/echo`)
    const other = await connectWs(`${server.url}/api/chat`)
    const first = await page.watch({ connections: { skip: 0, limit: 10 } })
    expect(first.faults).toEqual({ found: 0, rows: [] })
    const id = first.connections!.rows.find(({ conn }) => conn === 1)?.['id'] as string
    const put = (to: object, faults: object, more: object = {}): Promise<Record<string, any>> =>
      page.ask('faults', { action: 'put', to, faults, ...more })

    const answer = await put({ pattern: '/echo' }, { drop: { nth: 1 }, seed: 7 }, { for: 600_000 })
    expect(answer['rows']).toEqual([
      {
        pattern: '/echo',
        faults: { drop: { nth: 1 }, seed: 7 },
        seed: 7,
        by: 'control',
        counts: expect.objectContaining({ dropped: 0 }),
        until: expect.any(Number),
      },
    ])
    expect(answer['profiles'].offline).toEqual({ handshake: { refuse: 1, with: 'hangup' }, disconnect: {} })
    client.send('lost')
    client.send('not lost')
    expect(await client.next()).toBe('not lost')
    const rows = await page.rowsUntil('handled', 2)
    expect(rows.find(({ type }) => type === 'fault')).toMatchObject({
      fault: 'drop',
      from: 'server',
      message: 1,
      conn: 1,
      text: 'lost',
    })
    expect(rows.filter(({ type }) => type === 'sent').map(({ text, faults }) => [text, faults])).toEqual([
      ['lost', { drop: [1] }],
      ['not lost', undefined],
    ])
    const { faults } = await page.watch({ connections: { skip: 0, limit: 10 } })
    expect(faults?.rows[0]?.['counts'].dropped).toBe(1)

    expect((await put({ connection: id }, { incoming: { latency: 1 } }))['rows']).toContainEqual(
      expect.objectContaining({ connection: id, conn: 1, by: 'control' }),
    )
    client.send('late')
    expect(await client.next()).toBe('late')
    const late = (await page.rowsUntil('message')).find(({ type }) => type === 'message')
    expect(late).toMatchObject({ text: 'late', faults: { delay: [1] } })

    await put({ pattern: '*' }, { drop: 1 })
    other.send('to nobody')
    expect((await page.rowsUntil('broadcast')).find(({ type }) => type === 'broadcast')).toMatchObject({
      faults: { drop: [2] },
    })
    for (const [to, left] of [
      [{ pattern: '*' }, 2],
      [{ connection: id }, 1],
      [{ pattern: '/echo' }, 0],
    ] as const)
      expect(await page.ask('faults', { action: 'lift', to })).toMatchObject({ found: left })
    other.send('to all')
    expect(await other.next()).toBe('to all')
  })

  test('what arrives twice, damaged or behind others is marked, in both directions', async () => {
    const server = await start({ wsHandlers: [{ ...ECHO, raw: true }] })
    const page = new Page(server)
    const client = await connectWs(`${server.url}/api/echo`)
    const faults = {
      duplicate: { nth: 1 },
      incoming: { duplicate: { nth: 1 }, corrupt: { nth: 2 }, reorder: { nth: 3 }, drop: { nth: 5 } },
    }
    await page.ask('faults', { action: 'put', to: { pattern: '/echo' }, faults })
    for (const text of ['one', 'two', 'three', 'four', 'five', 'six']) client.send(text)
    const rows = await page.rowsUntil('handled', 6)
    const messages = rows.filter(({ type }) => type === 'message')
    expect(messages.map(({ faults: marks }) => Object.keys(marks ?? {}).join())).toEqual([
      'duplicate',
      'duplicate',
      'corrupt',
      '',
      'reorder',
      '',
    ])
    expect(messages.map(({ text }) => text).filter((text) => 'onethreefoursix'.includes(text))).toContain(
      'three',
    )
    expect(
      rows
        .filter(({ type, from }) => type === 'fault' && from === 'client')
        .map(({ fault, text }) => [fault, text]),
    ).toEqual([
      ['duplicate', 'one'],
      ['corrupt', 'two'],
      ['reorder', 'three'],
      ['drop', 'five'],
    ])
    const sent = rows.filter(({ type }) => type === 'sent')
    expect(sent.map(({ faults: marks }) => Object.keys(marks ?? {}).join())).toEqual([
      'duplicate',
      '',
      '',
      '',
      '',
      '',
    ])
  })

  test('faults that cannot be are refused with what is wrong, and switch nothing', async () => {
    const server = await start()
    const page = new Page(server)
    await connectWs(`${server.url}/api/echo`)
    const { connections } = await page.watch({ connections: { skip: 0, limit: 10 } })
    const connection = connections!.rows[0]!['id'] as string
    const all = { pattern: '*' }
    for (const [command, status, says] of [
      [
        { action: 'put', to: all, faults: { drop: 2 } },
        400,
        'option \\"drop\\" is 2; it has to be a probability',
      ],
      [{ action: 'put', to: all, faults: { latency: [5, 1] } }, 400, 'option \\"latency\\" is'],
      [{ action: 'put', to: all, faults: { latancy: 5 } }, 400, 'did you mean \\"latency\\"'],
      [{ action: 'put', to: all, faults: { latency: 5 }, for: 0 }, 400, 'option \\"for\\" is 0'],
      [{ action: 'put', to: all, faults: 5 }, 400, 'faults is 5'],
      [{ action: 'put', to: { connection }, faults: { handshake: { refuse: 1 } } }, 400, 'handshake'],
      [{ action: 'put', to: { pattern: '/none' }, faults: { latency: 5 } }, 400, '/none'],
      [{ action: 'put', to: { connection: 'none' }, faults: { latency: 5 } }, 404, 'no open connection'],
      [{ action: 'put', to: { pattern: '/echo', connection }, faults: {} }, 400, 'to: it has to be'],
      [{ action: 'lift' }, 400, 'to'],
      [{ action: 'none' }, 400, 'action'],
    ] as const) {
      const { status: got, body } = await page.post('faults', command)
      expect([command, got, body]).toEqual([command, status, expect.stringContaining(says)])
    }
    expect(await page.ask('faults', { action: 'list' })).toMatchObject({ found: 0, rows: [] })
  })

  test('faults are switched by nobody but the page, and not by one that only looks', async () => {
    const server = await start({ inspector: { token: TOKEN } })
    const own = httpOf(server)
    const ask = async (headers: Record<string, string>, method = 'POST'): Promise<number> =>
      (
        await http(`${own}/.sidewire/page/faults`, {
          method,
          headers,
          body: JSON.stringify({ action: 'put', to: { pattern: '*' }, faults: { drop: 1 } }),
        })
      ).status
    const Authorization = `Bearer ${TOKEN}`
    expect(await ask({ Authorization })).toBe(403)
    expect(await ask({ Authorization, Origin: 'https://evil.example' })).toBe(403)
    expect(await ask({ Origin: own })).toBe(401)
    expect(await ask({ Origin: own, Authorization: 'Bearer another' })).toBe(401)
    expect(await ask({ Origin: own, Authorization }, 'PUT')).toBe(405)
    expect(await ask({ Origin: own, Authorization })).toBe(200)
    const looks = await start({ inspector: { readOnly: true } })
    looks.setFaults('/echo', { latency: 5 })
    const page = new Page(looks)
    for (const command of [
      { action: 'put', to: { pattern: '*' }, faults: { drop: 1 } },
      { action: 'lift', to: { pattern: '*' } },
    ])
      expect(await page.post('faults', command)).toMatchObject({
        status: 403,
        body: expect.stringContaining('readOnly'),
      })
    expect(await page.ask('faults', { action: 'list' })).toMatchObject({
      rows: [{ pattern: '/echo', by: 'code' }],
    })
  })

  test('the backends are recorded from one click to the other, who is connected already too', () =>
    inNewFolder(async () => {
      const backend = await start({ wsHandlers: [ECHO], inspector: false })
      const server = await start({
        wsHandlers: [CHAT, { pattern: '/echo', upstream: `${backend.url}/api/echo` }],
        inspector: { redact: ['pin'] },
      })
      const page = new Page(server)
      const early = await connectWs(`${server.url}/api/echo?room=1`)
      const passes = async (client: typeof early, data: unknown): Promise<void> => {
        client.json(data)
        expect(await client.next()).toEqual(data)
      }
      await passes(early, { before: true })
      expect(await page.watch()).toMatchObject({ recording: { isOn: false } })
      const started = await page.ask('recording', { action: 'start' })
      expect(started).toEqual({
        isOn: true,
        file: expect.stringMatching(/^recordings\/.*\.jsonl$/),
        connections: 1,
        messages: 0,
      })
      expect(await page.post('recording', { action: 'start' })).toMatchObject({
        status: 400,
        body: expect.stringContaining(`recorded to ${started.file} already`),
      })
      await passes(early, { pin: 1234, n: 1 })
      const late = await connectWs(`${server.url}/api/echo`)
      await passes(late, { n: 2 })
      late.close(4001, 'enough')
      await late.closed
      expect(await page.watch()).toMatchObject({
        recording: { isOn: true, file: started.file, connections: 2, messages: 4 },
      })
      const stopped = await page.ask('recording', { action: 'stop' })
      expect(stopped).toEqual({
        isOn: false,
        text: expect.stringMatching(
          /^recorded 2 connections, 4 messages in recordings.*left out: .*2 by key/,
        ),
      })
      await passes(early, { after: true })
      const [head, ...events] = readFileSync(started.file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(head).toMatchObject({ sidewire: 'recording/1', url: backend.url, redacted: true })
      expect(events.map(({ t, headers: _headers, ...event }) => (typeof t === 'number' ? event : t))).toEqual(
        [
          { conn: 1, type: 'open', path: '/api/echo?room=1' },
          { conn: 1, from: 'client', json: { pin: '[redacted:1]', n: 1 } },
          { conn: 1, from: 'server', json: { pin: '[redacted:1]', n: 1 } },
          { conn: 2, type: 'open', path: '/api/echo' },
          { conn: 2, from: 'client', json: { n: 2 } },
          { conn: 2, from: 'server', json: { n: 2 } },
          { conn: 2, type: 'close', from: 'client', code: 4001, reason: 'enough' },
        ],
      )
    }))

  test('a recording that goes on when the server closes is whole, and the log says where it is', () =>
    inNewFolder(async () => {
      const backend = await start({ wsHandlers: [ECHO], inspector: false })
      const log: string[] = []
      const say = (message: string): void => void log.push(message)
      const server = await start({
        wsHandlers: [{ pattern: '/echo', upstream: `${backend.url}/api/echo` }],
        logLevel: 'info',
        logger: { error: say, warn: say, info: say, debug: say },
      })
      await new Page(server).ask('recording', { action: 'start' })
      const client = await connectWs(`${server.url}/api/echo`)
      client.send('last')
      await client.next()
      await server.close()
      const [file = ''] = readdirSync('recordings')
      expect(log.join('\n')).toContain(`recorded 1 connection, 2 messages in recordings/${file}`)
      const events = readFileSync(`recordings/${file}`, 'utf8').trimEnd().split('\n')
      expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ type: 'close', from: 'client', code: 1001 })
    }))

  test('nothing is recorded where there is no backend, nor by who only looks', () =>
    inNewFolder(async () => {
      const plain = await start()
      expect(await new Page(plain).watch()).not.toHaveProperty('recording')
      expect(await new Page(plain).post('recording', { action: 'start' })).toMatchObject({
        status: 409,
        body: expect.stringContaining('no handler has an upstream'),
      })
      const looking = await start({
        wsHandlers: [{ pattern: '/echo', upstream: `${plain.url}/api/echo` }],
        inspector: { readOnly: true },
      })
      const page = new Page(looking)
      expect(await page.post('recording', { action: 'start' })).toMatchObject({ status: 403 })
      expect(await page.post('recording', { action: 'begin' }, { Origin: 'http://elsewhere' })).toMatchObject(
        {
          status: 403,
        },
      )
      const acting = new Page(
        await start({ wsHandlers: [{ pattern: '/echo', upstream: `${plain.url}/api/echo` }] }),
      )
      expect(await acting.post('recording', { action: 'begin' })).toMatchObject({
        status: 400,
        body: expect.stringContaining('it has to be \\"start\\" or \\"stop\\"'),
      })
      expect(await acting.post('recording', { action: 'stop' })).toMatchObject({
        status: 400,
        body: expect.stringContaining('nothing is recorded'),
      })
      expect(existsSync('recordings')).toBe(false)
    }))

  test('long payloads are cut in the list, and had whole by asking; binary too', async () => {
    const server = await start()
    const page = new Page(server)
    const client = await connectWs(`${server.url}/api/echo`)
    const [long, bytes] = ['ä'.repeat(100_000), Buffer.alloc(1000, 7)]
    client.send(long)
    client.send(bytes)
    await client.next()
    await client.next()
    const { rows } = await page.watch()
    const [text, binary] = rows.filter(({ type }) => type === 'message')
    expect(text).toMatchObject({ isCut: true, bytes: 200_000, text: 'ä'.repeat(4096) })
    expect(binary).toMatchObject({
      isCut: true,
      bytes: 1000,
      base64: bytes.subarray(0, 256).toString('base64'),
    })
    expect(await page.ask('payload', { n: text!.n })).toEqual({ text: long })
    expect(await page.ask('payload', { n: binary!.n })).toEqual({ base64: bytes.toString('base64') })
    expect(await page.post('payload', { n: 1 })).toMatchObject({
      status: 404,
      body: expect.stringContaining('gone'),
    })
  })

  test('one large message costs neither its own line nor those of others', async () => {
    const server = await start({ inspector: { redact: ['secret'] } })
    const page = new Page(server)
    const client = await connectWs(`${server.url}/api/echo`)
    const large = JSON.stringify({ secret: 'never', long: 'x'.repeat(5_000_000) })
    for (const text of ['first', large, large, 'last']) {
      client.send(text)
      await client.next()
    }
    const { rows, left } = await page.watch()
    expect(left).toBe(0)
    const messages = rows.filter(({ type }) => type === 'message')
    expect(messages.map(({ bytes, isCut }) => [bytes, isCut])).toEqual([
      [5, undefined],
      [large.length, true],
      [large.length, true],
      [4, undefined],
    ])
    for (const { text } of messages) expect(text).not.toContain('never')
    expect(await page.post('payload', { n: messages[1]!.n })).toMatchObject({
      status: 404,
      body: expect.stringContaining('the rest of it is gone'),
    })
  })

  test('an open page sees how the connections end when the server closes', async () => {
    const server = await start()
    const page = new Page(server)
    const client = await connectWs(`${server.url}/api/echo`)
    await page.watch()
    const seen = page.watch({ wait: 10_000 })
    // It has arrived by then.
    await new Page(server).watch()
    const closing = server.close()
    expect(await client.closed).toMatchObject({ code: 1001 })
    expect((await seen).rows).toEqual([
      expect.objectContaining({ type: 'close', code: 1001, from: 'server' }),
    ])
    await closing
  })

  test('a page that may not connect is named, and so is the reason of a refusal behind the 101', async () => {
    const server = await start({
      wsHandlers: [
        { pattern: '/never', authenticate: () => ({ success: false, code: 4001, reason: 'expired' }) },
        CHAT,
      ],
    })
    const page = new Page(server)
    const headers = { Origin: 'https://elsewhere.example' }
    await expect(connectWs(`${server.url}/api/chat`, { headers })).rejects.toThrow('403')
    const client = await connectWs(`${server.url}/api/never`)
    expect(await client.closed).toMatchObject({ code: 4001 })
    expect(await page.rowsUntil('refused', 2)).toEqual([
      expect.objectContaining({ reason: 'origin', origin: 'https://elsewhere.example', status: 403 }),
      expect.objectContaining({ reason: 'authenticate', code: 4001, text: 'expired' }),
    ])
  })

  test('an error says what has caused it', async () => {
    const server = await start({
      wsHandlers: [
        {
          pattern: '/fails',
          onMessage: () => {
            throw new Error('outer', { cause: new Error('inner') })
          },
          onError: () => {},
        },
      ],
    })
    const page = new Page(server)
    const client = await connectWs(`${server.url}/api/fails`)
    client.send('x')
    const rows = await page.rowsUntil('error')
    expect(rows.find(({ type }) => type === 'error')?.['error']).toMatch(/outer[^]*caused by Error: inner/)
  })

  test('what is redacted never leaves: in messages at any depth, in URLs, in answers', async () => {
    const server = await start({ inspector: { redact: ['password', 'Token'] } })
    const page = new Page(server)
    const client = await connectWs(`${server.url}/api/echo?token=s3cr3t&x=1`)
    client.send('{"user":"ann","deep":[{"password":"s3cr3t"}]}')
    await client.next()
    client.send('{"text": "nothing of it"}')
    await client.next()
    await expect(connectWs(`${server.url}/none?token=s3cr3t`)).rejects.toThrow('404')
    const { body } = await page.post('watch', {
      after: 0,
      wait: 0,
      limit: 100,
      connections: { skip: 0, limit: 9 },
    })
    const { rows } = JSON.parse(body)
    const [first, second] = rows.filter(({ type }: { type: string }) => type === 'message')
    expect(first.text).toBe('{"user":"ann","deep":[{"password":"[redacted]"}]}')
    expect(second.text).toBe('{"text": "nothing of it"}')
    expect(rows.find(({ type }: { type: string }) => type === 'refused').path).toBe('/none?token=[redacted]')
    const whole = await page.post('payload', { n: first.n })
    expect(whole.status).toBe(200)
    expect(body + whole.body).not.toContain('s3cr3t')
  })

  test('rows that a page has no room for are counted, and those it is about to show come first', async () => {
    const server = await start()
    const client = await connectWs(`${server.url}/api/echo`)
    for (let i = 0; i < 100; i++) client.send(`${i % 10 === 0 ? 'needle' : 'hay'} ${i}`)
    for (let i = 0; i < 100; i++) await client.next()
    const [page, other] = [new Page(server), new Page(server)]
    const { next } = await page.watch({ limit: 0 })
    const got = await page.watch({ after: 0, limit: 30, filter: { text: 'NEEDLE', types: ['message'] } })
    expect(got.rows.filter(({ type, text }) => type === 'message' && text.startsWith('needle'))).toHaveLength(
      10,
    )
    expect(got.rows).toHaveLength(30)
    expect(got.left).toBe(next - 30)
    const ofOther = await other.watch({ after: 0, limit: 30, filter: { text: 'hay' } })
    expect(ofOther.rows.every(({ type, text }) => type === 'handled' || text.startsWith('hay'))).toBe(true)
  })

  test('a page of another origin, of a rebound name, of no browser: nobody else is answered', async () => {
    const server = await start()
    const own = httpOf(server)
    const { port } = server
    const watch = async (headers: Record<string, string>): Promise<number> => {
      const { status, headers: answered } = await http(`${own}/.sidewire/page/watch`, {
        method: 'POST',
        headers,
        body: '{"after":0,"wait":0,"limit":1}',
      })
      expect(answered['access-control-allow-origin']).toBeUndefined()
      return status
    }
    expect(await watch({ Origin: own })).toBe(200)
    expect(await watch({ Origin: own, 'Sec-Fetch-Site': 'same-origin' })).toBe(200)
    expect(await watch({ Origin: `http://localhost:${port}`, Host: `localhost:${port}` })).toBe(200)
    for (const headers of [
      {},
      { Origin: 'null' },
      { Origin: 'https://evil.example' },
      { Origin: `http://127.0.0.1:${port + 1}` },
      { Origin: `http://192.168.1.1:${port}` },
      { Origin: `http://localhost:${port}` },
      { Origin: own.replace('http', 'https') },
      { Origin: own, 'Sec-Fetch-Site': 'cross-site' },
      { Origin: own, 'Sec-Fetch-Site': 'same-site' },
      { Origin: `http://evil.example:${port}`, Host: `evil.example:${port}` },
      { Origin: own, 'X-Forwarded-For': '203.0.113.7' },
    ])
      expect([headers, await watch(headers as Record<string, string>)]).toEqual([headers, 403])
    const page = (headers: Record<string, string>): Promise<number> =>
      http(`${own}/.sidewire/`, { headers }).then(({ status }) => status)
    expect(await page({})).toBe(200)
    expect(await page({ Host: `evil.example:${port}` })).toBe(403)
    expect(await page({ 'X-Forwarded-For': '203.0.113.7' })).toBe(403)
    expect(
      (await http(`${own}/.sidewire/page/watch`, { method: 'OPTIONS', headers: { Origin: own } })).status,
    ).toBe(405)
    expect((await http(`${own}/.sidewire/page/watch`, { headers: { Origin: own } })).status).toBe(405)
    expect((await http(`${own}/.sidewire/page/none`)).status).toBe(404)
    expect(await http(`${own}/.sidewire`)).toMatchObject({ status: 308, headers: { location: '.sidewire/' } })
  })

  test('a name that is allowed is answered', async () => {
    const server = await start({ inspector: { allowedHosts: ['mock.example'] } })
    const host = `mock.example:${server.port}`
    const page = new Page(server, { Host: host, Origin: `http://${host}` })
    expect((await page.watch()).rows).toEqual([])
  })

  test('beyond loopback nobody without a token; who guesses is slowed', async () => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((each) => each?.family === 'IPv4' && !each.internal)?.address
    const warn = vi.fn<(line: string) => void>()
    const logger = { error: warn, warn, info: () => {}, debug: () => {} }
    const open = await start({ host: '0.0.0.0', logLevel: 'warn', logger })
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('inspector: { token }'))
    expect(await http(`http://127.0.0.1:${open.port}/.sidewire/`)).toMatchObject({
      status: 403,
      body: expect.stringContaining('inspector: { token }'),
    })
    const server = await start({ host: '0.0.0.0', inspector: { token: TOKEN } })
    const at = `http://${address ?? '127.0.0.1'}:${server.port}`
    expect((await http(`${at}/.sidewire/`)).status).toBe(200)
    const page = new Page({ url: at })
    const tryIt = async (token: string): Promise<number> =>
      (await page.post('watch', { after: 0, wait: 0, limit: 1 }, { Authorization: `Bearer ${token}` })).status
    expect(await tryIt(TOKEN)).toBe(200)
    const tries = await Promise.all(Array.from({ length: 30 }, (_, i) => tryIt(`wrong ${i}`)))
    // A second may end among them.
    expect(tries.filter((status) => status === 401).length).toBeLessThanOrEqual(10)
    expect(tries.filter((status) => status === 429).length).toBeGreaterThanOrEqual(20)
    await expect.poll(() => tryIt(TOKEN)).toBe(200)
    // Who guesses keeps nobody out but those at his address.
    const other = new Page({ url: `http://127.0.0.1:${server.port}` }, { Authorization: `Bearer ${TOKEN}` })
    if (address !== undefined) {
      await Promise.all(Array.from({ length: 10 }, (_, i) => tryIt(`wrong ${i}`)))
      expect((await other.watch()).rows).toEqual([])
    }
  })

  test('the page runs nothing but its own, and may be shown by its own server only', async () => {
    const server = await start()
    const { headers, body } = await http(`${httpOf(server)}/.sidewire/`)
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringMatching(
        /^default-src 'none'; script-src 'self'; .*connect-src 'self'; .*frame-ancestors 'self'$/,
      ),
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'cross-origin-embedder-policy': 'require-corp',
    })
    expect(body).not.toMatch(/https?:\/\/(?!www\.w3\.org)/)
  })

  test('without it there is nothing', async () => {
    const server = await start({ inspector: false })
    expect((await http(`${httpOf(server)}/.sidewire/`)).status).toBe(404)
    expect((await new Page(server).post('watch', {})).status).toBe(404)
  })

  test.each([
    [
      { token: 'short' },
      /^option "inspector\.token" is a string of 5 characters \(not shown\); it has to be .*16/,
    ],
    [{ history: 0 }, /^option "inspector\.history" is 0; it has to be a number of rows from 1 to 100000$/],
    [{ redact: 'password' }, /^option "inspector\.redact" is "password"; it has to be a list of keys$/],
    [
      { allowedHosts: ['http://x.y'] },
      /^option "inspector\.allowedHosts\[0\]" is "http:\/\/x\.y"; it has to be a name/,
    ],
    [{ readonly: true }, /^unknown option "inspector\.readonly"; did you mean "readOnly"\?/],
    ['yes', /^option "inspector" is "yes"; it has to be true, false, or \{/],
  ])('%j is refused, with its member and the cure', async (inspector, says) => {
    await expect(start({ inspector: inspector as never })).rejects.toThrow(says)
  })

  test('bad questions are answered with what is wrong', async () => {
    const page = new Page(await start())
    const { status, body } = await page.post('watch', { after: -1, wait: 0, limit: 1 })
    expect(status).toBe(400)
    expect(body).toContain('after: ')
    expect((await page.post('send', { to: 'x' })).body).toContain('to has to be')
  })
})
