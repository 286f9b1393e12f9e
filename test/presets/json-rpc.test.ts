import {
  createJSONRPCErrorResponse,
  JSONRPCClient,
  JSONRPCServer,
  JSONRPCServerAndClient,
} from 'json-rpc-2.0'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import {
  jsonRpc,
  RpcError,
  type JsonRpcOptions,
  type RpcClient,
  type RpcMethods,
} from '../../src/presets/presets.ts'
import { connectWs } from '../support/client.ts'
import { defer, PLACES, shakeHands, STANDALONE, untilEmpty, type Started } from './rig.ts'

interface Rpc {
  readonly both: JSONRPCServerAndClient
  readonly socket: WebSocket
  /** Notifications that came, in order. */
  readonly told: unknown[]
}

/** A client of json-rpc-2.0 that answers and asks. */
async function dial({ url }: Started): Promise<Rpc> {
  const socket = new WebSocket(`${url}/api/rpc`)
  defer(() => socket.terminate())
  const told: unknown[] = []
  const server = new JSONRPCServer({ errorListener: () => {} })
  server.addMethod('confirm', ({ text }: { text: string }) => `yes, ${text}`)
  server.addMethod('told', (params: unknown) => void told.push(params))
  server.addMethod('never', () => new Promise(() => {}))
  server.addMethodAdvanced('no', async ({ id }) =>
    createJSONRPCErrorResponse(id ?? null, 7, 'no', { why: 'because' }),
  )
  const both = new JSONRPCServerAndClient(
    server,
    new JSONRPCClient((request) => socket.send(JSON.stringify(request))),
  )
  socket.on(
    'message',
    (data) => void both.receiveAndSend(JSON.parse((data as Buffer).toString()), undefined, undefined),
  )
  socket.on('close', () => both.rejectAllPendingRequests('closed'))
  await new Promise((resolve) => socket.once('open', resolve))
  return { both, socket, told }
}

const METHODS: RpcMethods = {
  add: (params) => (params as number[]).reduce((sum, each) => sum + each, 0),
  later: async (params) => params,
  nothing: () => {},
  refuse: () => {
    throw new RpcError(4004, 'Not found', { id: 1 })
  },
  fail: () => {
    throw new Error('the password is 1234')
  },
  twist: () => () => 1,
  timeout: () => {
    throw new DOMException('the operation of a colleague timed out', 'TimeoutError')
  },
  coded: () => {
    throw Object.assign(new Error('what a library says'), { code: 42 })
  },
  join: (params, { conn }) => conn.joinRoom(String((params as { room: string }).room)),
  say: (params, { conn }) => conn.broadcastAllRooms({ jsonrpc: '2.0', method: 'told', params }, true),
  ask: async (params, client) => {
    client.notify('told', { first: true })
    return client.request('confirm', params as object)
  },
  askNo: (_params, client) =>
    client.request('no').catch(({ name, code, message, data }: RpcError) => [name, code, message, data]),
  askNobody: (_params, client) =>
    client.request('never', undefined, { signal: AbortSignal.abort(new Error('too late')) }).catch(String),
}

const handler = (options: Partial<JsonRpcOptions> = {}) => jsonRpc(METHODS, { pattern: '/rpc', ...options })

describe.each(PLACES)('JSON-RPC on $name', ({ start }) => {
  test('requests and notifications, both ways; rooms', async () => {
    const errors: string[] = []
    const started = await start(handler({ onError: (_conn, error) => void errors.push(error.message) }))
    const { both, socket, told } = await dial(started)
    const request = (method: string, params?: unknown): PromiseLike<unknown> =>
      both.request(method, params, undefined)
    expect(
      await Promise.all([request('later', { a: 1 }), request('add', [1, 2, 3]), request('nothing')]),
    ).toEqual([{ a: 1 }, 6, null])
    expect(await request('ask', { text: 'sure' })).toBe('yes, sure')
    expect(told).toEqual([{ first: true }])
    expect(await request('askNo')).toEqual(['RpcError', 7, 'no', { why: 'because' }])
    expect(await request('askNobody')).toBe('Error: too late')
    await expect(request('refuse')).rejects.toMatchObject({
      code: 4004,
      message: 'Not found',
      data: { id: 1 },
    })
    await expect(request('fail')).rejects.toMatchObject({ code: -32_603, message: 'Internal error' })
    await expect(request('twist')).rejects.toMatchObject({ code: -32_603 })
    // The codes of other libraries are not the protocol's.
    for (const method of ['timeout', 'coded'])
      await expect(request(method)).rejects.toMatchObject({ code: -32_603, message: 'Internal error' })
    await expect(request('toString')).rejects.toMatchObject({ code: -32_601, message: 'Method not found' })
    expect(errors).toEqual([
      'the password is 1234',
      'twist() returned what JSON has no form for',
      'the operation of a colleague timed out',
      'what a library says',
    ])
    const other = await dial(started)
    await request('join', { room: 'a' })
    await other.both.request('join', { room: 'a' }, undefined)
    both.notify('say', { hello: 'all' }, undefined)
    await expect.poll(() => [told.at(-1), other.told]).toEqual([{ hello: 'all' }, [{ hello: 'all' }]])
    socket.close()
    other.socket.terminate()
    await untilEmpty(started.server)
  })

  test('the errors and the batches of section 7 of the specification', async () => {
    const started = await start(handler())
    const client = await connectWs(`${started.url}/api/rpc`)
    defer(() => client.terminate())
    const invalid = { jsonrpc: '2.0', id: null, error: { code: -32_600, message: 'Invalid Request' } }
    const parse = { jsonrpc: '2.0', id: null, error: { code: -32_700, message: 'Parse error' } }
    for (const [sent, answer] of [
      ['{"jsonrpc": "2.0", "method": "add, "params": "bar", "baz]', parse],
      [
        '[{"jsonrpc": "2.0", "method": "add", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
        parse,
      ],
      [Buffer.from([0xff, 0xfe]), parse],
      ['{"jsonrpc": "2.0", "method": 1, "params": "bar"}', invalid],
      ['{"jsonrpc": "2.0", "method": "add", "params": 3, "id": 5}', { ...invalid, id: 5 }],
      ['{"method": "add", "params": [1], "id": 5}', invalid],
      ['{"jsonrpc": "2.0", "method": "add", "params": [1], "id": {}}', invalid],
      ['[]', invalid],
      ['null', invalid],
      ['[1,2]', [invalid, invalid]],
      [
        '[{"jsonrpc":"2.0","method":"add","params":[1,2],"id":"1"},{"jsonrpc":"2.0","method":"nothing"},{"foo":"boo"},{"jsonrpc":"2.0","method":"no.such","id":"5"},{"jsonrpc":"2.0","method":"add","params":[],"id":0}]',
        [
          { jsonrpc: '2.0', id: '1', result: 3 },
          invalid,
          { jsonrpc: '2.0', id: '5', error: { code: -32_601, message: 'Method not found' } },
          { jsonrpc: '2.0', id: 0, result: 0 },
        ],
      ],
    ] as const) {
      client.send(sent)
      expect(await client.next()).toEqual(answer)
    }
    // Nothing is answered to these: the next answer is the one of the last.
    for (const sent of [
      '{"jsonrpc":"2.0","method":"fail"}',
      '{"jsonrpc":"2.0","method":"no.such"}',
      '[{"jsonrpc":"2.0","method":"nothing"},{"jsonrpc":"2.0","method":"nothing"}]',
      '{"jsonrpc":"2.0","result":1,"id":77}',
      '{"jsonrpc":"2.0","method":"add","params":[1],"id":"last"}',
    ])
      client.send(sent)
    expect(await client.next()).toEqual({ jsonrpc: '2.0', id: 'last', result: 1 })
    expect((await shakeHands(started, '/api/other')).status).toBe(404)
  })

  test('100 clients; what the server asks ends with the client, and all with the server', async () => {
    const lost: string[] = []
    const gone: RpcClient[] = []
    const started = await start(
      handler({
        onConnect: (client) => {
          client.notify('told', { welcome: true })
          void client.request('never').catch((error: Error) => lost.push(error.message))
        },
        onClose: (client) => void gone.push(client),
      }),
    )
    const clients = await Promise.all(Array.from({ length: 100 }, () => dial(started)))
    await expect.poll(() => clients.every(({ told }) => told.length === 1)).toBe(true)
    expect(await Promise.all(clients.map(({ both }, n) => both.request('add', [n, 1], undefined)))).toEqual(
      clients.map((_, n) => n + 1),
    )
    clients[0]!.socket.terminate()
    await expect.poll(() => lost).toEqual(['the client has gone, and has not answered'])
    await started.server.close()
    await expect.poll(() => [lost.length, gone.length]).toEqual([100, 100])
    await expect(gone[5]!.request('confirm')).rejects.toThrow('the client has gone')
  })
})

test.each(STANDALONE)('a reload on $name: clients stay', async ({ start }) => {
  const started = await start(handler())
  const { both } = await dial(started)
  expect(await both.request('add', [1], undefined)).toBe(1)
  started.server.reload({ port: 0, wsHandlers: [jsonRpc({ add: () => 'new' }, { pattern: '/rpc' })] })
  expect(await both.request('add', [1], undefined)).toBe('new')
})

test.each(STANDALONE)(
  'a reload on $name: what has been asked before is answered, and ids go on',
  async ({ start }) => {
    const version = (name: string): ReturnType<typeof jsonRpc> =>
      jsonRpc(
        { ask: async (_params, client) => `${name}: ${String(await client.request('confirm', { name }))}` },
        { pattern: '/rpc' },
      )
    const started = await start(version('old'))
    const client = await connectWs(`${started.url}/api/rpc`)
    defer(() => client.terminate())
    client.json({ jsonrpc: '2.0', method: 'ask', id: 'A' })
    const old = (await client.next()) as { id: number }
    started.server.reload({ port: 0, wsHandlers: [version('new')] })
    client.json({ jsonrpc: '2.0', method: 'ask', id: 'B' })
    const fresh = (await client.next()) as { id: number }
    expect(fresh).toEqual({ jsonrpc: '2.0', id: old.id + 1, method: 'confirm', params: { name: 'new' } })
    client.json({ jsonrpc: '2.0', id: old.id, result: 'one' })
    expect(await client.next()).toEqual({ jsonrpc: '2.0', id: 'A', result: 'old: one' })
    client.json({ jsonrpc: '2.0', id: fresh.id, result: 'two' })
    expect(await client.next()).toEqual({ jsonrpc: '2.0', id: 'B', result: 'new: two' })
  },
)

interface Sum {
  add(params: { a: number; b: number }): number
}

class Calculator implements Sum {
  readonly calls: string[] = []
  readonly #factor = 2

  add({ a, b }: { a: number; b: number }): number {
    this.calls.push('add')
    return (a + b) * this.#factor
  }
}

class Shy extends Calculator {
  async hello(_params: unknown, client: RpcClient): Promise<string> {
    return client.conn.path
  }
}

test.each(STANDALONE)('methods of an interface and of a class on $name', async ({ start }) => {
  const api: Sum = { add: ({ a, b }) => a + b }
  const started = await start(
    jsonRpc(api, { pattern: '/sum' }),
    jsonRpc(new Shy() as Omit<Shy, 'calls'>, { pattern: '/rpc' }),
  )
  const { both } = await dial(started)
  expect(await both.request('add', { a: 1, b: 2 }, undefined)).toBe(6)
  expect(await both.request('hello', undefined, undefined)).toBe('/api/rpc')
  for (const name of ['constructor', 'toString', 'calls', 'hasOwnProperty', '__proto__'])
    await expect(both.request(name, undefined, undefined)).rejects.toMatchObject({ code: -32_601 })
})

test('what it cannot take is an error at the call', () => {
  expect(() => jsonRpc([] as never, { pattern: '/' })).toThrow('an object of functions by their names')
  expect(() => jsonRpc({ add: 1 } as never, { pattern: '/' })).toThrow(
    '"jsonRpc() methods.add" is 1; it has to be a function',
  )
  expect(() => jsonRpc(new Map([['add', () => 1]]) as never, { pattern: '/' })).toThrow(
    'an object of functions by their names: Object.fromEntries(methods)',
  )
  expect(() => jsonRpc(Promise.resolve({}) as never, { pattern: '/' })).toThrow('an object of functions')
  expect(() => new RpcError('a' as never, 5 as never)).toThrow('"new RpcError() code" is "a"')
  expect(() => new RpcError(1.5, 'x')).toThrow('a whole number, such as -32602')
  expect(() => new RpcError(1, 5 as never)).toThrow('"new RpcError() message" is 5; it has to be a string')
  expect(() => jsonRpc({}, {} as never)).toThrow('"jsonRpc.pattern" is missing')
  expect(() => jsonRpc({}, { pattern: '/', onConnect: 1 } as never)).toThrow('"jsonRpc.onConnect" is 1')
  expect(() => jsonRpc({}, { pattern: '/', patern: 1 } as never)).toThrow('did you mean "pattern"?')
})
