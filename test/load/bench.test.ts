import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createCertificate } from '../cli/certificate.ts'
import { DIST, PLATFORMS, project, serve } from '../cli/cli.ts'
import { within } from '../support/client.ts'
import { atLeisure, bench } from './bench.ts'
import { server, start } from './server-of-test.ts'

const SHORT = ['--duration', 0.4, '--warmup', 0.1] as const
const CONFIG = `export default { wsHandlers: [
  { pattern: '/echo', onMessage: (conn, data) => void conn.send(data) },
  { pattern: '/rooms', onMessage: (conn, data) =>
    data.join ? conn.joinRoom(data.join) : conn.broadcast(data, { rooms: ['a', 'b'] }) },
] }`

for (const target of PLATFORMS) {
  describe(`a server of ours, by a generator on ${target.command === 'node' ? 'Node' : 'Bun'}`, () => {
    it('echoes, broadcasts to rooms, shakes hands and holds connections', async () => {
      const cli = serve(project({ 'sidewire.config.mjs': CONFIG }), [], target)
      const url = await cli.started()
      const options = { target }
      const echo = await bench(url, ['--connections', 3, '--window', 4, ...SHORT], options)
      expect(echo.report).toMatchObject({ ok: true, messages: { lost: 0 }, connections: { opened: 3 } })
      expect(echo.report.messages.perSecond).toBeGreaterThan(100)
      expect(echo.code).toBe(0)

      const rooms = url.replace('/echo', '/rooms')
      const joining = ['--join', '{"join":"a"}']
      const fanout = await bench(rooms, ['fanout', '--connections', 10, ...joining, ...SHORT], options)
      expect(fanout.report.fanout).toMatchObject({ reach: 1 })
      expect(fanout.code).toBe(0)

      const connect = await bench(url, ['connect', '--connections', 4, ...SHORT], options)
      expect(connect.report.handshakes!.completed).toBeGreaterThan(20)
      expect(connect.report.latency!.p50).toBeGreaterThan(0)
      expect(connect.code).toBe(0)

      const idle = await bench(url, ['idle', '--connections', 50, '--pid', cli.pid, ...SHORT], options)
      expect(idle.report.connections).toEqual({ opened: 50, refused: 0, dropped: 0 })
      expect(idle.report.memory!.before).toBeGreaterThan(10 * 1024 * 1024)
      expect(idle.stdout).toMatch(/memory +(?:.* a connection|no growth to be seen)/)
      expect(idle.code).toBe(0)
    })
  })
}

describe('the wire', () => {
  it('may be compressed', async () => {
    const url = await start({ kind: 'echo', compress: true })
    const { report, code } = await bench(url, ['--compress', '--size', 2000, ...SHORT])
    expect(server!.requests[0]!.headers['sec-websocket-extensions']).toContain('permessage-deflate')
    expect(report.messages.bytesPerSecond / report.messages.perSecond).toBeCloseTo(2000, 0)
    expect(code).toBe(0)
  })

  it('has to be, where it was asked for', async () => {
    const url = await start()
    const { stderr, code } = await bench(url, ['--compress', ...SHORT])
    expect(stderr).toContain('the server does not compress')
    expect(code).toBe(1)
  })

  it('may bring fragments, pings, and messages that are no replies', async () => {
    const fragments = await bench(await start({ kind: 'echo', fragments: true, pings: true }), [...SHORT])
    expect(fragments.report).toMatchObject({ ok: true })
    expect(fragments.report.messages.received).toBeGreaterThan(50)
    await server!.close()
    const wrapped = await bench(await start({ kind: 'wrap' }), [...SHORT])
    expect(wrapped.report).toMatchObject({ ok: true })
    expect(wrapped.report.messages.received).toBeGreaterThan(50)
  })

  it('carries large messages in order', async () => {
    const url = await start()
    const args = ['--size', 300_000, '--window', 8, '--connections', 2, ...SHORT]
    const { report, code } = await bench(url, args)
    expect(report.messages.received).toBeGreaterThan(16)
    expect(report.messages.bytesPerSecond / report.messages.perSecond).toBeCloseTo(300_000, -1)
    expect(code).toBe(0)
  })

  it('takes subprotocol, headers, and a message of the user', async () => {
    const url = await start()
    const { report, code } = await bench(url, [
      ...['--subprotocol', 'chat', '--header', 'Authorization: Bearer x', '--header', 'X-Test: 1'],
      ...['--message', '{"type":"say","text":"{id}"}', '--connections', 1, ...SHORT],
    ])
    const { headers } = server!.requests[0]!
    expect(headers).toMatchObject({
      authorization: 'Bearer x',
      'x-test': '1',
      'sec-websocket-protocol': 'chat',
    })
    expect(report.ok).toBe(true)
    expect(code).toBe(0)
  })

  it('may be TLS, whose certificate is checked unless it is said not to', async () => {
    const url = await start({ kind: 'echo' }, createCertificate())
    const strict = await bench(url, [...SHORT])
    expect(strict.stderr).toMatch(/no connection was accepted: .*certificate/)
    expect(strict.code).toBe(1)
    const { report, code } = await bench(url, ['--tls-insecure', '--window', 4, ...SHORT])
    expect(report.messages.received).toBeGreaterThan(50)
    expect(code).toBe(0)
  })
})

describe('several workers', () => {
  it('share the connections of an echo', async () => {
    const url = await start()
    const { report, code } = await bench(url, ['--workers', 2, '--connections', 5, '--rate', 200, ...SHORT])
    expect(server!.did.opened).toBe(5)
    expect(report.messages.sent).toBe(server!.did.received)
    expect(report.generator.workers).toBe(2)
    expect(report.messages.perSecond).toBeGreaterThan(100)
    expect(code).toBe(0)
  })

  it('share the receivers of a fan-out, and know together when the last one has a message', async () => {
    const url = await start({ kind: 'broadcast', self: false })
    const args = ['fanout', '--workers', 2, '--connections', 7, '--senders', 3, '--window', 2, ...SHORT]
    const { report, code } = await bench(url, args)
    expect(report.fanout).toMatchObject({ reach: 1, received: report.messages.sent * 7 })
    expect(report.fanout!.lastReceiver).not.toBeNull()
    expect(code).toBe(0)
  })
})

describe('a script', () => {
  const ask = `import { defineScript } from 'sidewire'
    export default defineScript<{ asked: number }>({
      onOpen: (client) => { client.data = { asked: 0 }; client.send({ hello: client.index }) },
      next: (client, n) => { client.data!.asked++; return { question: n } },
      onMessage: (client, data) => (JSON.parse(String(data)) as { question?: number }).question,
    })`

  it('speaks a protocol of its own', async () => {
    const url = await start()
    const args = ['script', 'ask.ts', '--connections', 2, '--window', 3, ...SHORT]
    const { report, code } = await bench(url, args, { files: { 'ask.ts': ask } })
    expect(report.messages.sent).toBeGreaterThan(50)
    expect(server!.did.received).toBe(report.messages.sent + 2) // and two hellos
    expect(report.messages).toMatchObject({ received: report.messages.sent, lost: 0, outOfOrder: 0 })
    expect(report.latency!.p50).toBeGreaterThan(0)
    expect(code).toBe(0)
  })

  it('is checked like every other', async () => {
    const url = await start({ kind: 'drop', every: 20 })
    const args = ['script', 'ask.ts', '--connections', 1, '--window', 4, '--timeout', 1, ...SHORT]
    const { report, code } = await bench(url, args, { files: { 'ask.ts': ask } })
    // The first one dropped may be the hello; those of the script are what counts.
    expect(report.messages.lost).toBe(server!.did.dropped)
    expect(code).toBe(1)
  })

  it.for([
    ['export default 1', /bad\.ts has no default export with a function next/, 2],
    ['export default { next: () => { throw new Error("boom") } }', /the script's next failed: boom/, 1],
    ['export default { next: async () => 1 }', /the script's next failed: it is async/, 1],
    ['export default { next(', /cannot load bad\.ts: bad\.ts:1: /, 2],
  ] as const)('that is wrong is one line: %s', async ([source, message, exit]) => {
    const { stderr, code } = await bench(await start(), ['script', 'bad.ts', ...SHORT], {
      files: { 'bad.ts': source },
    })
    expect(stderr).toMatch(message)
    expect(stderr.split('\n')).toHaveLength(1)
    expect(code).toBe(exit)
  })
})

describe('the generator', () => {
  const slow = (ms: number): string => `export default { next: (client, n) => {
    const end = performance.now() + ${ms}
    while (performance.now() < end);
    return String(n)
  } }`

  it('says when it was itself the bottleneck of a closed loop', async () => {
    const url = await start()
    const { report, stdout } = await bench(url, ['script', 'slow.mjs', '--window', 4, ...SHORT], {
      files: { 'slow.mjs': slow(5) },
    })
    expect(report.generator.limited).toBe(true)
    expect(stdout).toMatch(
      /The generator was the bottleneck, not the server: its event loop was busy (9[6-9]|100) %/,
    )
  })

  it('says when it could not keep up with the rate', async () => {
    const url = await start()
    const { report, stdout } = await bench(url, ['script', 'slow.mjs', '--rate', 400, ...SHORT], {
      files: { 'slow.mjs': slow(5) },
    })
    expect(report.generator.limited).toBe(true)
    expect(stdout).toMatch(/bottleneck, not the server: it sent late/)
  })

  it('says nothing when it had time to spare', async () => {
    const url = await start({ kind: 'late', ms: 50 })
    const { report, stdout } = await atLeisure(() => bench(url, ['--connections', 2, ...SHORT]))
    expect(report.generator).toMatchObject({ limited: false, reasons: [] })
    expect(stdout).not.toContain('bottleneck')
  })
})

describe('Ctrl-C', () => {
  it('ends early, with the report of what was measured', async () => {
    const url = await start()
    const { code, report, stdout } = await bench(url, ['--duration', 60, '--warmup', 0, '--rate', 1000], {
      during: async (cli) => {
        // Half a second of the rate, so that it measures already.
        await expect.poll(() => server!.did.received).toBeGreaterThan(500)
        cli.kill('SIGINT')
      },
    })
    expect(report.seconds).toBeGreaterThan(0)
    expect(report.seconds).toBeLessThan(30)
    expect(report.messages).toMatchObject({ sent: server!.did.received, lost: 0 })
    expect(stdout).toContain('throughput')
    expect(code).toBe(130)
  })
})

describe('a terminal', () => {
  it('sees a live line, which is gone at the end', async () => {
    const url = await start()
    const command = `stty cols 100 rows 30; "${process.execPath}" "${join(DIST, 'cli.js')}" bench ${url} --duration 1 --warmup 0.1`
    // `script` of util-linux gives the command a terminal.
    const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (data) => (output += String(data)))
    const code = await within(new Promise((resolve) => child.once('close', resolve)), 'no end')
    expect(code).toBe(0)
    expect(output).toMatch(/[\d,]+\/s\S*  p99 \S*\d.*Ctrl-C reports now/)
    expect(output.indexOf('Ctrl-C reports now')).toBeLessThan(output.indexOf('throughput'))
    expect(output.slice(output.lastIndexOf('throughput'))).not.toContain('Ctrl-C')
  })
})

describe('a mistake', () => {
  it.for([
    [['--rate', 'fast'], "option '--rate <n>' argument 'fast' is invalid. It has to be a number of messages"],
    [
      ['--connection', '5'],
      "unknown option '--connection' (Did you mean --connections?) (sidewire bench --help shows what there is)",
    ],
    [
      ['--connections', '0'],
      "option '--connections <n>' argument '0' is invalid. It has to be a number from 1 to",
    ],
    [
      ['--rate', '10', '--window', '2'],
      'options "--rate" (open loop) and "--window" (closed loop) exclude each other',
    ],
    [['--size', '10'], 'option "--size" is 10; this message has at least 37 bytes'],
    [['--message', 'hello'], 'option "--message" is "hello"; it has to contain {id} once'],
    [['--message', '{id}', '--size', '99'], 'option "--size" is 99, but "--message" has 19 bytes'],
    [['--header', 'no colon'], "It has to be a header such as 'X-Tenant: acme'"],
    [
      ['dance'],
      "argument value 'dance' is invalid for argument 'scenario'. Allowed choices are echo, fanout, connect, idle, script",
    ],
    [['script'], 'the scenario script needs a file: sidewire bench <url> script <file>'],
    [['script', 'gone.ts'], 'there is no script "gone.ts"'],
    [['echo', 'x.ts'], 'the scenario echo takes no file, but got "x.ts"'],
    [['--html', 'no/such/folder/x.html', ...SHORT], 'option "--html" is "no/such/folder/x.html": '],
    [['idle', '--pid', '999999', ...SHORT], 'option "--pid" is 999999; there is no such process'],
  ] as const)('%s', async ([args, message]) => {
    const { stderr, code } = await bench(await start(), args)
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(2)
  })

  it.for([
    ['localhost', 'the URL is "localhost"; it has to be one such as ws://', 2],
    ['ftp://localhost', 'the URL is "ftp://localhost"; it has to be', 2],
    [
      'ws://127.0.0.1:1/',
      'cannot connect to 127.0.0.1:1: nobody listens there; is the server running? (ERR_LOAD)',
      1,
    ],
  ] as const)('in the URL: %s', async ([url, message, exit]) => {
    const { stderr, code } = await bench(url, [...SHORT])
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(exit)
  })
})
