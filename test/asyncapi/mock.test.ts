import { afterEach, describe, expect, test } from 'vitest'
import { loadAsyncApi } from '../../src/asyncapi/load.ts'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { pathOf, endAll, mockOf, ref, small, typed } from './support.ts'

assertPlatform()
afterEach(endAll)

describe.each(NETWORK_RUNTIMES)('on %s', (runtime) => {
  test('C2: Kraken: a ping has its pong with its id, a subscription its status, nonsense an error', async () => {
    const { connect, log } = await mockOf(runtime, pathOf('kraken-filter.yml'))
    const client = await connect('/')
    // "Status sent on connection".
    expect(await client.next()).toMatchObject({ event: 'systemStatus' })
    client.json({ event: 'ping', reqid: 42 })
    expect(await client.next()).toEqual({ event: 'pong', reqid: 42 })
    client.json({ event: 'ping' })
    expect(await client.next()).toEqual({ event: 'pong' })
    client.json({ event: 'subscribe', reqid: 7, pair: ['XBT/EUR'], subscription: { name: 'ticker' } })
    expect(await client.next()).toMatchObject({ event: 'subscriptionStatus', channelID: 10001, reqid: 7 })
    client.json({ event: 'subscribe', subscription: { name: 'secret-name' } })
    expect(await client.next()).toMatchObject({ event: 'subscriptionStatus', status: 'error' })
    expect(log.lines.filter((line) => line.includes('does not fit'))).toEqual([
      expect.stringMatching(
        /^\[sidewire\] \/: the message "subscribe" does not fit: subscription\.name: must be equal/,
      ),
    ])
    expect(log.lines.join('\n')).not.toContain('secret-name')
  })

  test('C3: Kraken: seven channels at one address are one handler, whose messages are told apart', async () => {
    const { connect } = await mockOf(runtime, pathOf('kraken-channels.yml'), { push: 'never' })
    expect(loadAsyncApi(pathOf('kraken-channels.yml')).made).toMatchObject([
      { channelIds: { length: 7 }, talk: { incoming: { length: 3 }, outgoing: { length: 5 } } },
    ])
    const client = await connect('/')
    for (const [event, answer] of [
      ['ping', 'pong'],
      ['subscribe', 'subscriptionStatus'],
      ['unsubscribe', 'subscriptionStatus'],
    ]) {
      client.json({ event, subscription: { name: 'book' } })
      expect(await client.next()).toMatchObject({ event: answer })
    }
  })

  test('C4: Gemini: a symbol that is listed pushes, another is 404; a query is looked at', async () => {
    const { connect } = await mockOf(runtime, pathOf('gemini.yml'))
    const client = await connect('/v1/marketdata/btcusd?heartbeat=true&offers=false')
    expect(await client.next()).toMatchObject({ type: 'update', eventId: 36902233362 })
    await expect(connect('/v1/marketdata/nothing')).rejects.toThrow('404')
    await expect(connect('/v1/marketdata/btcusd?heartbeat=x')).rejects.toThrow('400')
  })

  test('C5: Hoppscotch: the documents of the client and of the server are one mock', async () => {
    const transcripts: unknown[] = []
    for (const side of ['client', 'server']) {
      const { connect } = await mockOf(runtime, pathOf(`hoppscotch/${side}.yml`), { push: { every: 1000 } })
      const client = await connect('/')
      transcripts.push(await client.next())
      client.send('hello')
      client.json({ any: 'thing' })
      client.close(1000, 'done')
      transcripts.push(await client.closed)
    }
    expect(transcripts.slice(0, 2)).toEqual(transcripts.slice(2))
    expect(transcripts[0]).toBe('11:13:24 GMT+0000 (Coordinated Universal Time)')
  })

  test('C5: Postman: a message whose reply is the same message is echoed', async () => {
    const { connect } = await mockOf(runtime, pathOf('postman-echo.yml'))
    const client = await connect('/raw')
    client.json({ a: [1, 2] })
    expect(await client.next()).toEqual({ a: [1, 2] })
    client.send('text')
    expect(await client.next()).toBe('text')
  })

  test('C7: Slack: one hello at the connect, and any of the others may be published', async () => {
    const { connect, server } = await mockOf(runtime, pathOf('slack-rtm.yml'))
    const client = await connect('/api/rtm.connect')
    expect(await client.next()).toEqual({ type: 'hello' })
    const { made } = loadAsyncApi(pathOf('slack-rtm.yml'))
    const { outgoing } = made[0]!.talk
    expect(outgoing.length).toBe(46)
    const sample = loadAsyncApi(pathOf('slack-rtm.yml'), { push: { every: 1 } })
    const [every] = sample.handlers[0]!.scenario!.every!
    for (let n = 1; n < outgoing.length; n++) {
      const data = (every!.send as (moment: object) => unknown)({ n })
      expect(server.publish('/api/rtm.connect', data)).toBeUndefined()
      expect(await client.next()).toEqual(data)
    }
    const changing = { type: 'no such thing' }
    expect(() => server.publish('/api/rtm.connect', changing)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID' }),
    )
    // It is looked at each time.
    changing.type = 'hello'
    server.publish('/api/rtm.connect', changing)
    expect(await client.next()).toEqual({ type: 'hello' })
  })

  test('C14: Deepgram: bytes in, JSON out, and the close message closes', async () => {
    const { connect, log } = await mockOf(runtime, pathOf('deepgram.yml'))
    const client = await connect('/v1/listen?encoding=linear16&sample_rate=16000')
    expect(await client.next()).toMatchObject({ type: 'Results' })
    client.send(new Uint8Array([1, 2, 3]))
    client.json({ type: 'KeepAlive' })
    client.json({ type: 'CloseStream' })
    expect(await client.closed).toEqual({ code: 1000, reason: '' })
    expect(log.lines.filter((line) => line.includes('does not fit'))).toEqual([])
    // Their schemas have the `type` of all of them.
    const [every] = loadAsyncApi(pathOf('deepgram.yml'), { push: { every: 1 } }).handlers.find(
      ({ pattern }) => pattern === '/v1/speak',
    )!.scenario!.every!
    const types = [1, 2, 3, 4].map((n) => (every!.send as (moment: object) => { type: string })({ n }).type)
    expect(types).toEqual(['Metadata', 'Flushed', 'Cleared', 'Warning'])
    const speaker = await connect('/v1/speak')
    expect(await speaker.next()).toBeInstanceOf(Buffer)
  })

  test('C15: a scenario of the user takes the place of one channel; adapt leaves a handler out', async () => {
    const talk = {
      asyncapi: '3.1.0',
      info: { title: 'Talk', version: '1.0.0' },
      channels: {
        public: { address: '/public', messages: { hello: typed('hello') } },
        private: { address: '/private', messages: { hello: typed('hello') } },
        secret: { address: '/secret', messages: { hello: typed('hello') } },
      },
      operations: Object.fromEntries(
        ['public', 'private', 'secret'].map((id) => [
          id,
          { action: 'send', channel: { $ref: `#/channels/${id}` } },
        ]),
      ),
    }
    const seen: (readonly string[])[] = []
    const { connect } = await mockOf(runtime, talk, {
      scenarios: { private: { on: [{ when: 'who?', reply: { send: { type: 'hello', of: 'mine' } } }] } },
      adapt(handler, ids) {
        seen.push(ids)
        return ids.includes('secret') ? undefined : { ...handler, heartbeat: 30_000 }
      },
    })
    expect(seen).toEqual([['public'], ['private'], ['secret']])
    expect(await (await connect('/public')).next()).toEqual({ type: 'hello' })
    const client = await connect('/private')
    client.send('who?')
    expect(await client.next()).toEqual({ type: 'hello', of: 'mine' })
    await expect(connect('/secret')).rejects.toThrow('404')
  })

  test('C16: of two messages that both fit the first is taken, and it is said once', async () => {
    const twins = small(
      {
        a: { payload: { type: 'object', required: ['x'], properties: { x: { type: 'number' } } } },
        b: { payload: { type: 'object', required: ['x'], properties: { x: { type: 'integer' } } } },
        ok: typed('ok'),
      },
      { get: { action: 'receive', messages: [ref('a'), ref('b')], reply: { messages: [ref('ok')] } } },
    )
    const { connect, log } = await mockOf(runtime, twins)
    const client = await connect('/')
    for (const x of [1, 2]) {
      client.json({ x })
      expect(await client.next()).toEqual({ type: 'ok' })
    }
    expect(log.lines).toEqual(['[sidewire] /: a message is "a" and "b" alike, and is taken for "a"'])
  })

  test('what does not fit is ignored, closes, or is a function’s, as schema.onInvalid has it', async () => {
    const document = small(
      { a: typed('a', { n: { type: 'number' } }) },
      { get: { action: 'receive', messages: [ref('a')] } },
      { 'x-sidewire-perspective': 'server' },
    )
    const closing = await mockOf(runtime, document, { onInvalid: 'close' })
    const client = await closing.connect('/')
    client.json({ type: 'a', n: 'x' })
    expect(await client.closed).toEqual({ code: 1007, reason: 'invalid message: n: must be number' })
    const { connect } = await mockOf(runtime, document, {
      onInvalid: (conn, { issues }) => conn.close(4000, issues[0]?.message),
    })
    const other = await connect('/')
    other.json({ type: 'a', n: 'x' })
    expect(await other.closed).toEqual({ code: 4000, reason: 'must be number' })
  })

  test('push: { every } sends the others, too, one after the other; "never" is silent', async () => {
    const document = small(
      { welcome: typed('welcome'), up: typed('up'), down: typed('down') },
      { tell: { action: 'send' } },
    )
    const { connect, server } = await mockOf(runtime, document, { push: { every: 100 } })
    const client = await connect('/')
    expect(await client.next()).toEqual({ type: 'welcome' })
    await server.clock.advance(300)
    expect([await client.next(), await client.next(), await client.next()]).toEqual([
      { type: 'up' },
      { type: 'down' },
      { type: 'up' },
    ])
    const silent = loadAsyncApi(document, { push: 'never' })
    expect(silent.handlers[0]?.scenario).toEqual({ seed: 1, on: [] })
  })

  test('C9: a schema that contains itself, and nonsense from a client', async () => {
    const tree = {
      type: 'object',
      required: ['text', 'replies'],
      properties: {
        text: { type: 'string' },
        replies: { type: 'array', items: { $ref: '#/components/schemas/comment' } },
      },
    }
    const comments = small(
      {
        welcome: { payload: { $ref: '#/components/schemas/comment' } },
        post: { payload: { $ref: '#/components/schemas/comment' } },
      },
      {
        tell: { action: 'send', messages: [ref('welcome')] },
        get: { action: 'receive', messages: [ref('post')], reply: { messages: [ref('post')] } },
      },
      { components: { schemas: { comment: tree } } },
    )
    const { connect, log } = await mockOf(runtime, comments)
    const client = await connect('/')
    const sample = await client.next()
    expect(sample).toEqual({ text: expect.any(String), replies: expect.any(Array) })
    client.json({ text: 'a', replies: [{ text: 'b', replies: [] }] })
    expect(await client.next()).toEqual({ text: 'a', replies: [{ text: 'b', replies: [] }] })
    expect(log.lines).toEqual([])
    for (const nonsense of [
      '',
      'null',
      '[]',
      '{"__proto__":{"text":"x"}}',
      `${'['.repeat(5000)}${']'.repeat(5000)}`,
    ])
      client.send(nonsense)
    client.send(new Uint8Array(100))
    client.json({ text: 'still', replies: [] })
    for (;;) if ((await client.next())?.text === 'still') break
    expect(log.lines[0]).toMatch(/^\[sidewire\] \/: the message "post" does not fit: /)
  })
})
