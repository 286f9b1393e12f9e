import { afterEach, describe, expect, test } from 'vitest'
import '../../src/testing/vitest.ts'
import { connectWs } from '../support/client.ts'
import { Cli, endAll, PLATFORMS, project, run, serve } from './cli.ts'

afterEach(endAll)

const CONFIG = `export default { wsHandlers: [
  { pattern: '/chat', onConnect: (conn) => conn.joinRoom('lobby'), onMessage: (conn, data) => conn.send({ got: data }) },
  { pattern: '/other', onMessage() { throw new Error('boom') }, onError() {} },
] }`
const TOKEN = 'a token of the test'

describe.each(PLATFORMS)('on $runtime', (target) => {
  async function start(flags: readonly string[]): Promise<{ base: string; http: string }> {
    const cli = serve(project({ 'sidewire.config.mjs': CONFIG }), flags, target)
    const url = await cli.started()
    return { base: url.replace('/chat', ''), http: url.replace(/^ws(.*)\/api.*$/, 'http$1') }
  }
  async function watch(http: string, ...flags: readonly string[]): Promise<Cli> {
    const tail = new Cli(['tail', http, ...flags], { cwd: project(), target })
    await tail.line(/^sidewire: what happens on http.* from now on; Ctrl-C ends it$/)
    return tail
  }
  const sidewire = (...args: string[]): Promise<Awaited<ReturnType<typeof run>>> =>
    run(args, { cwd: project(), target })

  test('tail shows what happens, and send reaches a handler, or a room of it', async () => {
    const { base, http } = await start(['--control'])
    const tail = await watch(http)
    await expect(`${base}/none`).toRefuse(404, { timeout: 30_000 })
    await tail.line(/-- refused \/api\/none with 404: path$/)
    const client = await connectWs(`${base}/chat`)
    await tail.line(/^\d\d:\d\d:\d\d\.\d{3} -- \/chat [\da-f]{8} connected to \/api\/chat$/)
    await tail.line(/-- \/chat [\da-f]{8} joins lobby$/)
    client.send('hello "you"\u001b[2J\u202e')
    await tail.line(/-> \/chat [\da-f]{8} hello "you"\\u001b\[2J\?$/)
    await client.next()
    await tail.line(/<- \/chat [\da-f]{8} \{"got":"hello/)
    await tail.line(/-- \/chat [\da-f]{8} taken by onMessage in \d+\.\d ms$/)
    expect(
      (await sidewire('send', http, '/chat', '{"type":"welcome"}', '--room', 'lobby', '--room', 'den'))
        .stdout,
    ).toEqual(['sent to 1 connection'])
    expect(await client.next()).toEqual({ type: 'welcome' })
    await tail.line(/<= \/chat \{"type":"welcome"\} to 1 in lobby, den$/)
    expect((await sidewire('send', http, '/chat', 'x', '--room', 'den')).stdout).toEqual([
      'sent to 0 connections',
    ])
    client.close(4000, 'bye')
    await tail.line(/-- \/chat [\da-f]{8} closed by the client with 4000 "bye"$/)
    ;(await connectWs(`${base}/other`)).send('x')
    await tail.line(/-- \/other [\da-f]{8} onMessage failed: Error: boom/)
  })

  test('tail of one handler, of a text, as JSON', async () => {
    const { base, http } = await start(['--control'])
    const client = await connectWs(`${base}/chat`)
    const tail = await watch(http, '--pattern', '/chat', '--text', 'needle', '--json')
    ;(await connectWs(`${base}/other`)).send('needle')
    client.send('hay')
    client.send('needle')
    await tail.line(/"type":"sent"/)
    expect(tail.stdout.map((line) => JSON.parse(line))).toMatchObject([
      { type: 'message', pattern: '/chat', text: 'needle' },
      { type: 'sent', pattern: '/chat', text: '{"got":"needle"}' },
    ])
  })

  test('what looks like something else than it would do is refused, and lift without a pattern lifts all', async () => {
    const { http } = await start(['--control'])
    for (const [args, message] of [
      [['--drop', '5%'], /faults list takes no --drop: .* set \[pattern\] --drop/],
      [['lift', '--half-open'], /faults lift takes no --half-open/],
      [['set'], /set needs what is to go wrong/],
      [['set', '--for', '10s', '--seed', '7'], /set needs what is to go wrong/],
      [['set', '--code', '4000'], /--code says what connections are closed with: --cut closes them/],
      [
        ['set', '/chat', '--stall', '--connection', 'x'],
        /--connection is one connection, and \/chat is all of a handler/,
      ],
    ] as const) {
      const { code, stderr } = await sidewire('faults', http, ...args)
      expect([code, stderr.join('\n')]).toEqual([1, expect.stringMatching(message)])
    }
    await sidewire('faults', http, 'set', '/chat', '--bandwidth', '2000000')
    const two = await sidewire('faults', http, 'set', '--latency', '1')
    expect(two.stdout).toHaveLength(2)
    expect((await sidewire('faults', http, 'lift')).stdout).toEqual(['no faults'])
    const { code, stderr } = await sidewire('serve', '--control', 'my.config.mjs')
    expect([code, stderr.join('\n')]).toEqual([
      1,
      expect.stringContaining('sidewire serve my.config.mjs --control'),
    ])
  })

  test('faults are switched on, listed with what they did, and lifted', async () => {
    const { base, http } = await start(['--control'])
    const client = await connectWs(`${base}/chat`)
    expect((await sidewire('faults', http)).stdout).toEqual(['no faults'])
    const set = await sidewire(
      ...[
        'faults',
        http,
        'set',
        '/chat',
        '--drop',
        'nth:2',
        '--latency',
        '1-2',
        '--seed',
        's',
        '--for',
        '5m',
      ],
    )
    expect(set.stdout).toEqual([
      expect.stringMatching(
        /^\/chat: \{"latency":\[1,2\],"drop":\{"nth":2\},"seed":"s"\} by control until .*, seed s$/,
      ),
    ])
    for (const n of [1, 2, 3]) client.json(n)
    expect([await client.next(), await client.next()]).toEqual([{ got: 1 }, { got: 3 }])
    expect((await sidewire('faults', http)).stdout[0]).toMatch(/, seed s; 2 delayed, 1 dropped$/)
    expect((await sidewire('faults', http, 'lift', '/chat')).stdout).toEqual(['no faults'])
    const offline = await sidewire('faults', http, 'set', '--profile', 'offline')
    expect(offline.stdout[0]).toContain(
      '*: {"handshake":{"refuse":1,"with":"hangup"},"disconnect":{}} by control',
    )
    expect((await client.closed).code).toBe(1006)
    const wrong = await sidewire('faults', http, 'set', '/chat', '--drop', '300%')
    expect([wrong.code, wrong.stderr[0]]).toEqual([
      1,
      expect.stringContaining("It has to be a share such as '5%', or one of nth:3"),
    ])
  })

  test('what is wrong is one line with the cure', async () => {
    const { http } = await start(['--control', TOKEN])
    const off = await start([])
    for (const [args, says] of [
      [['tail', 'nothing'], '"nothing" is no URL of a server, such as http://localhost:8787'],
      [['tail', 'http://127.0.0.1:1'], 'nobody answers at http://127.0.0.1:1'],
      [['tail', off.http], 'HTTP 404; was it started with --control?'],
      [['send', http, '/chat', 'x'], 'the token is missing or wrong'],
      [
        ['send', http, '/none', 'x', '--token', TOKEN],
        'no enabled handler has the pattern "/none"; there is /chat, /other',
      ],
    ] as const) {
      const { code, stderr } = await sidewire(...args)
      expect([code, stderr.length]).toEqual([1, 1])
      expect(stderr[0]).toContain(says)
    }
    expect((await sidewire('send', http, '/chat', 'x', '--token', TOKEN)).stdout).toEqual([
      'sent to 0 connections',
    ])
  })
})
