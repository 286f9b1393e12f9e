import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, test } from 'vitest'
import { createServer, type Server, type ServerOptions, type WebSocketConnection } from '../../src/index.ts'
import { Cli, endAll, installedProject, ROOT, TARGETS } from '../cli/cli.ts'
import { connectWs } from '../support/client.ts'
import { filesOf, read } from './pages.ts'

// What the pages say in a sentence or a table, and no block of them shows.

const servers: Server[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  await endAll()
})

/** `sidewire serve` with these files. */
async function serveFiles(
  files: Readonly<Record<string, string>>,
  target = TARGETS[0]!,
): Promise<{ readonly cli: Cli; readonly base: string }> {
  const folder = installedProject(files)
  const cli = new Cli(['serve', '--port', '0', '--runtime', target.runtime], { cwd: folder, target })
  return { cli, base: `ws://${new URL(await cli.started()).host}/api` }
}

async function serve(options: ServerOptions): Promise<Server & { readonly base: string }> {
  const server = await createServer({ port: 0, logLevel: 'silent', ...options })
  servers.push(server)
  return Object.assign(server, { base: `${server.url}/api` })
}

test('docs/guide/handlers.md: what JSON makes of things that it has no form for', async () => {
  const page = read('docs/guide/handlers.md')
  const rows = [
    ...page
      .split('| you send')
      .at(1)!
      .matchAll(/^\| `([^`]+)` *\| `([^`]+)`/gm),
  ]
  expect(rows.length).toBe(7)
  const statuses: unknown[] = []
  const { base } = await serve({
    wsHandlers: [
      {
        pattern: '/odd',
        onConnect(conn) {
          conn.joinRoom('a')
          for (const [, code] of rows) statuses.push(conn.send(runInNewContext(`(${code})`, { conn })))
        },
      },
    ],
  })
  const client = await connectWs(`${base}/odd`)
  for (const [, code, text = ''] of rows)
    expect([code, await client.next()]).toEqual([code, JSON.parse(text)])
  expect(statuses).toEqual(rows.map(() => 'sent'))
})

test('docs/guide/rooms.md: publish goes to all paths, to the rooms of all, and to no path by its name', async () => {
  const server = await serve({
    wsHandlers: [
      {
        pattern: '/ws/game/{id}',
        scope: 'path',
        defaultRoom: 'players',
        onConnect: (conn) => conn.joinRoom(conn.params['id'] ?? ''),
      },
    ],
  })
  const [one, two] = await Promise.all([1, 2].map((id) => connectWs(`${server.base}/ws/game/${id}`)))
  server.publish('/ws/game/{id}', 'all')
  server.publish('/ws/game/{id}', 'rooms', { rooms: ['players'] })
  expect(() => server.publish('/ws/game/1', 'no')).toThrow(
    expect.objectContaining({ code: 'ERR_UNKNOWN_HANDLER' }),
  )
  server.publish('/ws/game/{id}', 'one', { rooms: ['1'] })
  server.publish('/ws/game/{id}', 'end')
  for (const text of ['all', 'rooms', 'one', 'end']) expect(await one?.next()).toBe(text)
  for (const text of ['all', 'rooms', 'end']) expect(await two?.next()).toBe(text)
})

test('docs/guide/rooms.md: one client from outside, by a room of its own; room is one more of rooms', async () => {
  const clients: WebSocketConnection[] = []
  const server = await serve({
    wsHandlers: [
      {
        pattern: '/ws',
        onConnect(conn) {
          conn.joinRoom(conn.id)
          clients.push(conn)
        },
        onMessage: (conn, data) => conn.broadcast(data, { room: clients[0]!.id, rooms: [clients[1]!.id] }),
      },
    ],
  })
  // One after the other, so that it is known who is who.
  const alice = await connectWs(`${server.base}/ws`)
  await expect.poll(() => clients.length).toBe(1)
  const bob = await connectWs(`${server.base}/ws`)
  await expect.poll(() => clients.length).toBe(2)
  server.publish('/ws', 'for bob', { rooms: [clients[1]!.id] })
  expect(await bob.next()).toBe('for bob')
  const eve = await connectWs(`${server.base}/ws`)
  eve.send('for both')
  expect([await alice.next(), await bob.next()]).toEqual(['for both', 'for both'])
})

test('docs/reference/options.md: what is disabled still serves files', async () => {
  const server = await serve({
    disable: true,
    files: { '/': { type: 'text/plain', body: 'a page' } },
    wsHandlers: [{ pattern: '/ws' }],
  })
  const get = (path: string): Promise<Response> => fetch(new URL(path, server.url.replace('ws:', 'http:')))
  expect(await (await get('/')).text()).toBe('a page')
  expect(await (await get('/healthz')).text()).toBe('ok')
  expect((await get('/api/ws')).status).toBe(404)
  await expect(connectWs(`${server.base}/ws`)).rejects.toThrow('404')
  expect(server.urls).toEqual([])
})

test.runIf(process.versions.bun === undefined)(
  'docs/reference/server.md: past handshakeTimeout there is a 408',
  async () => {
    const server = await serve({ runtime: 'ws', handshakeTimeout: 100, wsHandlers: [{ pattern: '/ws' }] })
    const socket = connect(server.port, '127.0.0.1')
    socket.setEncoding('latin1')
    socket.write('GET /api/ws HTTP/1.1\r\n')
    let answer = ''
    for await (const chunk of socket) answer += String(chunk)
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(server.stats().refusedBy).toEqual({ handshakeTimeout: 1 })
  },
)

test('docs/guide/heartbeat-and-limits.md: an allowance is there at once, and comes back', async () => {
  const server = await serve({
    wsHandlers: [{ pattern: '/ws', maxMessagesPerSecond: 20, onMessage: (conn, data) => conn.send(data) }],
  })
  const client = await connectWs(`${server.base}/ws`)
  const start = performance.now()
  let sent = 0
  const say = async (text: string): Promise<void> => {
    client.send(text)
    expect(await client.next()).toBe(text)
  }
  for (; sent < 20; sent++) await say(`no ${sent}`)
  // As much as has come back since, and a message less.
  await expect
    .poll(async () => {
      const allowed = Math.min(30, 19 + ((performance.now() - start) * 20) / 1000)
      for (; sent < allowed; sent++) await say(`no ${sent}`)
      return sent
    })
    .toBe(30)
})

test('docs/guide/authentication.md: a code beside a status wins', async () => {
  const { base } = await serve({
    wsHandlers: [
      {
        pattern: '/ws',
        authenticate: () => ({ success: false, code: 4001, status: 403, reason: 'expired' }),
      },
    ],
  })
  const client = await connectWs(`${base}/ws`)
  expect(await client.closed).toEqual({ code: 4001, reason: 'expired' })
})

test('docs/guide/authentication.md: a token in a cookie, or in a subprotocol', async () => {
  const { base } = await serveFiles({
    'token.ws.ts': filesOf('docs/guide/authentication.md')['token.ws.ts'] ?? '',
    'sidewire.config.ts': `import { defineConfig } from 'sidewire'
import token from './token.ws.ts'
export default defineConfig({ wsHandlers: [token] })`,
  })
  const url = `${base}/ws/token`
  const protocols = ['chat', 'token.secret']
  const offering = await connectWs(url, { protocols })
  expect(await offering.next()).toEqual({ protocol: 'chat' })
  const headers = { Cookie: 'theme=dark; session=secret' }
  expect(await (await connectWs(url, { headers, protocols: ['chat'] })).next()).toEqual({ protocol: 'chat' })
  await expect(connectWs(url, { protocols: ['chat', 'token.guess'] })).rejects.toThrow('401')
})

test.each(TARGETS)('docs/guide/standalone.md: where an error of a config is, on $runtime', async (target) => {
  const { cli, base } = await serveFiles(
    {
      'sidewire.config.ts': `import { defineConfig } from 'sidewire'
const fail = (): void => {
  throw new Error('on purpose')
}
export default defineConfig({ wsHandlers: [{ pattern: '/ws', onMessage: fail }] })`,
    },
    target,
  )
  const client = await connectWs(`${base}/ws`)
  client.send('now')
  const place = target.runtime === 'bun' ? /bundle\.mjs/ : /sidewire\.config\.ts:3:/
  await expect.poll(() => cli.stderr.join('\n')).toMatch(place)
})

test('docs/troubleshooting.md quotes what is said', () => {
  const source = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
    .join('\n')
  const seen = [...read('docs/troubleshooting.md').matchAll(/^\| ([^|]*`.*?) \|/gm)].flatMap(
    ([, cell = '']) => [...cell.matchAll(/`([a-z]+ [^`]+)`/g)].map(([, quoted = '']) => quoted),
  )
  expect(seen.length).toBeGreaterThan(2)
  expect(seen.filter((quoted) => !source.includes(quoted))).toEqual([])
})
