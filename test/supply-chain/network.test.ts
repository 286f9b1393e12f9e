import { once } from 'node:events'
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Cli, endAll, PLATFORMS, project, serve, TARGETS } from '../cli/cli.ts'
import { installWithoutNative } from '../cli/without-native.ts'
import { connectWs, within } from '../support/client.ts'
import { LOOPBACK } from '../support/loopback.ts'
import { installed, RUNS, ViteProcess } from '../vite/installation.ts'
import { write } from '../vite/rig.ts'
import { NetworkTrace } from './network-trace.ts'

let traces: NetworkTrace[] = []
function trace(): NetworkTrace {
  const made = new NetworkTrace()
  traces.push(made)
  return made
}
afterEach(async () => {
  // Before who started them is ended, which would leave them running.
  for (const one of traces) one.remove()
  traces = []
  await endAll()
})

/** A handshake that is answered late: uWebSockets.js needs a connection to itself for it (docs/reference/runtimes.md). */
const config = (version: number): string => `
  import { defineConfig } from 'sidewire'
  export default defineConfig({
    wsHandlers: [{
      pattern: '/ws/late',
      authenticate: () => new Promise((resolve) => setTimeout(resolve, 10, true)),
      onMessage: (conn) => void conn.send({ version: ${version} }),
    }],
  })`

/** Each address of loopback, at one port. */
function loopback(url: string): string[] {
  const { port } = new URL(url)
  return LOOPBACK.map((host) => (host === '127.0.0.1' ? `${host}:0` : `${host}:${port}`))
}

describe.each(TARGETS)('sidewire serve on $runtime', (target) => {
  test('the demo, its page and a client: one port that listens on loopback, and nothing else', async () => {
    const network = trace()
    const cli = serve(project(), [], target, network.through)
    const url = (await cli.started()).replace('/chat', '/echo')
    const client = await connectWs(url)
    client.json({ text: 'hello' })
    expect(await client.next()).toEqual({ text: 'hello' })
    const page = await fetch(new URL('/', url.replace('ws', 'http')))
    expect(await page.text()).toContain('</html>')
    network.kill('SIGTERM')
    expect(await client.closed).toMatchObject({ code: 1001 })
    expect(await cli.exited).toMatchObject({ code: 0 })
    expect(network.use).toMatchObject({ reached: [], bound: loopback(url), rings: 0 })
  })

  test('a config, a late handshake and a reload: no more than that, but what uws says to itself', async () => {
    const network = trace()
    const cwd = project({ 'sidewire.config.ts': config(1) })
    const cli = serve(cwd, ['--watch'], target, network.through)
    const url = await cli.started()
    const client = await connectWs(url)
    client.send('which')
    expect(await client.next()).toEqual({ version: 1 })
    writeFileSync(join(cwd, 'sidewire.config.ts'), config(2))
    await cli.line(/reloaded/)
    client.send('which')
    expect(await client.next()).toEqual({ version: 2 })
    network.kill('SIGTERM')
    expect(await cli.exited).toMatchObject({ code: 0 })
    const { reached, bound, own, rings, programs } = network.use
    // It listens for the moment that it takes to connect.
    const toItself = target.runtime === 'uws' ? 1 : 0
    expect(reached).toHaveLength(toItself)
    for (const address of reached) expect(own).toContain(address)
    expect(bound).toEqual([...loopback(url), ...(toItself === 1 ? ['127.0.0.1:0'] : [])])
    expect(rings).toBe(0)
    // TypeScript is bundled by a child, which was watched as well.
    expect(programs.join('\n')).toMatch(/esbuild/)
  })
})

/** Its own socket to itself is open while sidewire looks for what would bring uws here. */
const CONNECTED = `
  import { once } from 'node:events'
  import { connect, createServer as listen } from 'node:net'
  import { createServer } from 'sidewire'
  const other = listen().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const socket = connect(other.address().port, '127.0.0.1')
  await once(socket, 'connect')
  await (await createServer({ port: 0, wsHandlers: [{ pattern: '/x' }] })).close()
  socket.destroy()
  other.close()`

test('where uws does not load, nobody is asked for the names of the sockets that are open', async () => {
  const { cwd } = installWithoutNative({ 'connected.mjs': CONNECTED })
  const network = trace()
  const cli = new Cli([], { cwd, script: join(cwd, 'connected.mjs'), through: network.through })
  expect(await cli.exited).toMatchObject({ code: 0 })
  expect(cli.stderr.join()).toContain('so ws serves instead')
  expect(network.use.reached).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)])
})

test('sidewire bench connects to the server that it measures, and to nobody else', async () => {
  const cwd = project()
  const url = new URL((await serve(cwd).started()).replace('/chat', '/echo'))
  const network = trace()
  const words = ['--duration', '0.5', '--warmup', '0', '--rate', '50', '--html', 'report.html']
  const bench = new Cli(['bench', url.href, ...words], { cwd, through: network.through })
  expect({ ...(await bench.exited), stderr: bench.stderr }).toMatchObject({ code: 0, stderr: [] })
  expect(new Set(network.use.reached)).toEqual(new Set([url.host]))
  expect(network.use).toMatchObject({ bound: [], rings: 0 })
})

const HANDLER = (version: number): string =>
  `export default { pattern: '/ws/which', onMessage: (conn) => void conn.send({ version: ${version} }) }`

test.each(RUNS)(
  'the plugin in $name: the dev server talks to its sidecar, and to nobody else',
  async (run) => {
    const network = trace()
    const root = installed(run.folder, {
      'vite.config.ts': `
      import { universalApi } from 'sidewire'
      export default { plugins: [universalApi({ wsDir: 'mocks' })] }`,
      'mocks/which.ws.ts': HANDLER(1),
    })
    const vite = await ViteProcess.start(root, [...network.through, ...run.program])
    const [, sidecar = ''] = /sidewire: runtime \w+ at ws:\/\/(\S+)/.exec(vite.output) ?? []
    const client = await connectWs(`${vite.url}/api/ws/which`)
    client.send('which')
    expect(await client.next()).toEqual({ version: 1 })
    expect(await (await fetch(`http://127.0.0.1:${vite.port}/main.js`)).text()).toContain('ready')
    const before = vite.output.length
    write(root, 'mocks/which.ws.ts', HANDLER(2))
    await vite.prints('mocks/which.ws.ts', before)
    const asked = async (): Promise<unknown> => {
      client.send('which')
      return client.next()
    }
    await expect.poll(asked).toEqual({ version: 2 })
    network.kill('SIGTERM')
    await within(vite.exited, 'no end of vite')
    const { reached, bound, rings } = network.use
    expect(new Set(reached)).toEqual(new Set([sidecar]))
    // The sidecar's, its own, and Vite's look at all interfaces, whether anybody has its port already.
    const look = [`0.0.0.0:${vite.port}`, `[::]:${vite.port}`]
    expect(bound).toEqual(expect.arrayContaining(['127.0.0.1:0', `127.0.0.1:${vite.port}`]))
    expect(bound.filter((address) => !address.startsWith('127.0.0.1:') && !look.includes(address))).toEqual(
      [],
    )
    expect(rings).toBe(0)
  },
)

/** Everything that a program may do behind one's back, here to loopback; the last in a child. */
const TALKATIVE = `
  import { spawnSync } from 'node:child_process'
  import { createSocket } from 'node:dgram'
  import { Resolver } from 'node:dns/promises'
  import { once } from 'node:events'
  import { connect } from 'node:net'
  const [tcp, udp, dns, http, child] = process.argv.slice(2)
  if (tcp) {
    const stream = connect(Number(tcp), '127.0.0.1')
    await once(stream, 'connect')
    stream.destroy()
    const datagrams = createSocket('udp4')
    await new Promise((resolve) => datagrams.send('x', Number(udp), '127.0.0.1', resolve))
    datagrams.close()
    const resolver = new Resolver({ timeout: 50, tries: 1 })
    resolver.setServers(['127.0.0.1:' + dns])
    await resolver.resolve4('name.example').catch(() => {})
    await fetch('http://127.0.0.1:' + http).catch(() => {})
    spawnSync(process.execPath, [process.argv[1], '', '', '', child])
  } else await fetch('http://127.0.0.1:' + http).catch(() => {})`

test.each(PLATFORMS)('what is proven so would not go unseen on $runtime', async (target) => {
  const cwd = project({ 'talkative.mjs': TALKATIVE })
  const [stream, datagrams, dns, http, child] = await Promise.all(
    [listenTcp, listenUdp, listenUdp, listenTcp, listenTcp].map((listen) => listen()),
  )
  const listening = [stream!, datagrams!, dns!, http!, child!]
  try {
    const ports = listening.map(({ port }) => String(port))
    const network = trace()
    const script = join(cwd, 'talkative.mjs')
    const talker = new Cli(ports, { cwd, target, script, through: network.through })
    expect({ ...(await talker.exited), stderr: talker.stderr }).toMatchObject({ code: 0, stderr: [] })
    for (const port of ports) expect(network.use.reached).toContain(`127.0.0.1:${port}`)
    expect(network.use.rings).toBe(0)
  } finally {
    for (const { close } of listening) close()
  }
})

interface Listening {
  readonly port: number
  close(): void
}

/** Answers every request with nothing. */
async function listenTcp(): Promise<Listening> {
  const server = createServer((socket) => {
    const answer = 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'
    socket.on('error', () => socket.destroy()).once('data', () => socket.end(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}

/** Takes datagrams, and answers none. */
async function listenUdp(): Promise<Listening> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { port: socket.address().port, close: () => void socket.close() }
}
