import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { sidewireTasks, type SidewireTasks } from '../../src/testing/cypress.ts'
import type { TestServer, TestServerOptions } from '../../src/testing/index.ts'
import { connectWs } from '../support/client.ts'

const servers: TestServer[] = []
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())))

type Name = keyof SidewireTasks
type Call = (name: Name, argument?: unknown) => Promise<any>

/** What crosses from one process of Cypress to another. */
const viaJson = (value: unknown): any => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)))

/** Calls tasks as Cypress does: what they take and yield goes through JSON, and `undefined` is refused. */
async function start(
  options?: Parameters<typeof sidewireTasks>[1],
): Promise<{ server: TestServer; task: Call; names: string[] }> {
  const tasks: Record<string, (argument: unknown) => unknown> = {}
  const server = await sidewireTasks((event, given) => {
    expect(event).toBe('task')
    Object.assign(tasks, given)
  }, options)
  servers.push(server)
  const task: Call = async (name, argument) => {
    const yielded = await tasks[name]!(viaJson(argument))
    expect(yielded).not.toBe(undefined)
    const arrived = viaJson(yielded)
    // Nothing is lost on the way.
    expect(arrived).toEqual(yielded)
    return arrived
  }
  return { server, task, names: Object.keys(tasks) }
}

const CHAT = [{ pattern: '/chat/{room}' }]

describe('the tasks for Cypress', () => {
  it('are those that the reference has', async () => {
    const { names } = await start()
    const [, section = ''] = readFileSync('docs/reference/testing.md', 'utf8').split(
      '## The tasks for Cypress\n',
    )
    const rows = [...section.split('\n## ')[0]!.matchAll(/^\| `(sidewire:\w+)`/gm)]
    expect(names).toEqual(rows.map(([, name]) => name))
  })

  it('hold a connection: wait for it, for its messages and its end, answer, close', async () => {
    const { server, task } = await start(CHAT)
    const url = await task('sidewire:url', '/chat/blue?x=1')
    expect(url).toBe(server.url('/chat/blue?x=1'))
    expect(await task('sidewire:url')).toBe(server.origin)

    const client = await connectWs(url)
    const given = { connection: 1, path: '/chat/blue', params: { room: 'blue' }, url: '/chat/blue?x=1' }
    expect(await task('sidewire:connection', { path: '/chat/blue' })).toEqual(given)
    client.json({ type: 'other' })
    client.json({ type: 'join', name: 'Ann' })
    expect(await task('sidewire:next', { match: { type: 'join' } })).toEqual({ type: 'join', name: 'Ann' })
    expect(await task('sidewire:none')).toBe(null)
    expect(await task('sidewire:none', { match: { type: 'more' }, for: 5 })).toBe(null)
    expect(await task('sidewire:received')).toEqual([{ type: 'other' }, { type: 'join', name: 'Ann' }])
    expect(await task('sidewire:send', { data: { text: 'welcome' } })).toBe(null)
    expect(await client.next()).toEqual({ text: 'welcome' })
    expect(await task('sidewire:publish', { pattern: '/chat/{room}', data: { text: 'all' } })).toBe(null)
    expect(await client.next()).toEqual({ text: 'all' })
    expect(await task('sidewire:close', { code: 4001, reason: 'enough' })).toBe(null)
    expect(await client.closed).toMatchObject({ code: 4001, reason: 'enough' })
    expect(await task('sidewire:closed')).toEqual({ code: 4001, reason: 'enough', wasClean: true })
  })

  it('are about the connection last given out, the next one if that is none, or the one that is named', async () => {
    const { server, task } = await start(CHAT)
    const first = await connectWs(server.url('/chat/a'))
    first.json('from the first')
    expect(await task('sidewire:next')).toBe('from the first')
    const second = await connectWs(server.url('/chat/b'))
    second.json('from the second')
    first.json('more')
    expect(await task('sidewire:next')).toBe('more')
    expect(await task('sidewire:connection')).toMatchObject({ connection: 2, path: '/chat/b' })
    expect(await task('sidewire:next')).toBe('from the second')
    expect(await task('sidewire:drop', { connection: 1 })).toBe(null)
    expect(await first.closed).toMatchObject({ code: 1006 })
    expect(await task('sidewire:closed', { connection: 1 })).toMatchObject({ code: 1006, wasClean: false })
    await expect(task('sidewire:send', { connection: 3, data: 1 })).rejects.toThrow(
      'option "connection" is 3; this server has 1, 2',
    )
  })

  it('refuse, and start anew', async () => {
    const { server, task } = await start(CHAT)
    expect(await task('sidewire:refuse', { pattern: '/chat/a', times: 1, status: 503 })).toBe(null)
    await expect(connectWs(server.url('/chat/a'))).rejects.toThrow('503')
    const client = await connectWs(server.url('/chat/a'))
    await task('sidewire:connection')
    expect(await task('sidewire:journal')).toMatchObject([
      { kind: 'refused', path: '/chat/a', status: 503 },
      { kind: 'connect', connection: 1 },
    ])
    expect(await task('sidewire:reset')).toBe(null)
    expect(await client.closed).toMatchObject({ code: 1001 })
    expect(await task('sidewire:journal')).toEqual([])
    // The one before is none to hold any more.
    const again = await connectWs(server.url('/chat/a'))
    again.json('anew')
    expect(await task('sidewire:next')).toBe('anew')
    expect(await task('sidewire:connection', { n: 1, timeout: 0 })).toMatchObject({ connection: 1 })
  })

  it('let time go, and tell of a hook that failed', async () => {
    const options: TestServerOptions = {
      clock: 'virtual',
      handlers: [
        { pattern: '/slow', delay: 5000, onMessage: (conn, data) => void conn.send(data) },
        {
          pattern: '/broken',
          onMessage: () => {
            throw new Error('the mock is wrong')
          },
        },
      ],
    }
    const { server, task } = await start(options)
    const client = await connectWs(server.url('/slow'))
    client.json('there?')
    expect(await task('sidewire:next')).toBe('there?')
    expect(await task('sidewire:settled')).toBe(null)
    expect(await task('sidewire:advance', 5000)).toBe(null)
    expect(await client.next()).toBe('there?')
    expect(await task('sidewire:verify')).toBe(null)

    const broken = await connectWs(server.url('/broken'))
    broken.json(1)
    await task('sidewire:connection', { path: '/broken' })
    await task('sidewire:next')
    await expect(task('sidewire:verify')).rejects.toThrow('/broken: onMessage failed: the mock is wrong')
    const journal = await task('sidewire:journal')
    expect(journal.at(-1)).toMatchObject({
      kind: 'error',
      error: { name: 'Error', message: 'the mock is wrong' },
    })
  })

  it('yield what JSON has no word for as something that it has', async () => {
    const values: unknown[] = [
      undefined,
      1n,
      Number.NaN,
      new Date(0),
      new Map([[1, 2]]),
      { a: undefined, b: /x/ },
    ]
    const circle: unknown[] = [new Error('outer', { cause: new Error('inner') })]
    circle.push(circle)
    const codec = {
      name: 'own',
      encode: (value: unknown) => String(value),
      decode: (text: string | Buffer) =>
        typeof text === 'string' ? [...values, circle][Number(text)] : text,
    }
    const { server, task } = await start([{ pattern: '/own', codec }])
    const client = await connectWs(server.url('/own'))
    for (const index of [...values.keys(), values.length]) client.send(String(index))
    client.send(new Uint8Array([1, 2, 255]))
    const found: unknown[] = []
    for (let count = 0; count < values.length + 2; count++) found.push(await task('sidewire:next'))
    expect(found).toEqual([
      null,
      '1n',
      'NaN',
      '1970-01-01T00:00:00.000Z',
      'Map(1) { 1 => 2 }',
      { b: '/x/' },
      [{ name: 'Error', message: 'outer', cause: { name: 'Error', message: 'inner' } }, '[circular]'],
      { base64: 'AQL/' },
    ])
    expect((await task('sidewire:journal')).at(-1)).toMatchObject({ kind: 'in', raw: { base64: 'AQL/' } })
  })

  it('wait as long as the commands of Cypress, or as they are told', async () => {
    const { server, task } = await start(CHAT)
    await expect(task('sidewire:connection', { timeout: 5 })).rejects.toThrow('within 5 ms')
    await connectWs(server.url('/chat/a'))
    await expect(task('sidewire:next', { match: { type: 'join' }, timeout: 5 })).rejects.toThrow(
      "expected: { type: 'join' }",
    )
    await expect(task('sidewire:closed', { timeout: 5 })).rejects.toThrow(
      'connection 1 (/chat/a) is still open after 5 ms',
    )
    const { task: hasty } = await start({ handlers: CHAT, timeout: 7 })
    await expect(hasty('sidewire:connection')).rejects.toThrow('within 7 ms')
  })

  it.each<[Name, unknown, string]>([
    [
      'sidewire:next',
      { match: 1, timeuot: 5 },
      `got the unknown option "timeuot"; it takes { connection, match, timeout }`,
    ],
    ['sidewire:next', 'join', `cy.task('sidewire:next') got "join"; it takes`],
    ['sidewire:send', { text: 'a' }, `got the unknown option "text"; it takes { connection, data }`],
    ['sidewire:send', {}, `got no "data"`],
    ['sidewire:send', undefined, `cy.task('sidewire:send') got undefined; it takes { connection, data }`],
    ['sidewire:publish', { data: 1 }, `got no "pattern"`],
    ['sidewire:refuse', { pattern: '/chat/a', status: 200 }, 'option "status" is 200'],
    ['sidewire:connection', { timeout: -1 }, 'option "timeout" is -1'],
    ['sidewire:send', { connection: 1, data: 1 }, 'option "connection" is 1; there is none'],
    ['sidewire:publish', { pattern: '/nowhere', data: 1 }, '/nowhere'],
    ['sidewire:advance', 5, 'real'],
  ])('%s of %j is refused', async (name, argument, text) => {
    const { task } = await start(CHAT)
    await expect(task(name, argument)).rejects.toThrow(text)
  })

  it('are not there without `on`, or with what is no handler', async () => {
    const wrong = sidewireTasks as (...args: unknown[]) => Promise<unknown>
    await expect(wrong(CHAT)).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringContaining('"on"'),
    })
    for (const given of [null, 'a', { wsHandlers: [] }])
      await expect(wrong(() => {}, given)).rejects.toMatchObject({ code: 'ERR_OPTION' })
  })

  it('leave the server to whoever wants tasks of his own', async () => {
    const { server, task } = await start(CHAT)
    server.use({ pattern: '/more', onConnect: (conn) => void conn.send('hello') })
    const client = await connectWs(server.url('/more'))
    expect(await client.next()).toBe('hello')
    expect(await task('sidewire:connection')).toMatchObject({ path: '/more' })
  })
})
