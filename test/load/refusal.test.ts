import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { endAll, project, run, serve, TARGETS } from '../cli/cli.ts'
import { bench } from './bench.ts'

// A server that refuses says why in the body of its answer, and so does the error.

const SHORT = ['--duration', '0.3', '--warmup', '0'] as const

const closers: (() => void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) close()
  await endAll()
})

/** Answers every request with these bytes, the parts one after the other; what it does then is the answer's affair. */
async function answering(answer: (request: string, socket: Socket) => readonly string[]): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.setNoDelay(true))
    socket.on('error', () => {})
    socket.once('data', (request) => {
      const parts = [...answer(String(request), socket)]
      const next = (): void => {
        const part = parts.shift()
        if (part !== undefined) socket.write(part, () => setImmediate(next))
      }
      next()
    })
  })
  closers.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** What stands behind the status, of a server that refuses all. */
async function saidBy(
  answer: (request: string, socket: Socket) => readonly string[],
  args: readonly string[] = [],
): Promise<string> {
  const url = await answering(answer)
  const ran = await run(['bench', url, '--connections', '1', ...SHORT, ...args], { cwd: project() })
  expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: [] })
  expect(ran.stderr).toHaveLength(1)
  const [, said] =
    /^sidewire: no connection was accepted: the server answered 400 No(.*) \(ERR_LOAD\)$/.exec(
      ran.stderr[0]!,
    ) ?? []
  return said ?? `not understood: ${ran.stderr[0]}`
}

const head = (...headers: readonly string[]): string => ['HTTP/1.1 400 No', ...headers, '', ''].join('\r\n')
const withLength = (body: string): string => head(`Content-Length: ${Buffer.byteLength(body)}`) + body

it.for(TARGETS)('of sidewire on $runtime the path that was meant', async (target) => {
  const config = `export default { wsHandlers: [{ pattern: '/ws/chat/{room}' }] }`
  const url = await serve(project({ 'sidewire.config.mjs': config }), [], target).started()
  const { code, stderr } = await bench(url.replace(/chat.*$/, 'chta/lobby'), [...SHORT], { target })
  expect(stderr).toMatch(
    /: the server answered 404 Not Found: .*did you mean \/api\/ws\/chat\/\{room\}\?.* \(ERR_LOAD\)$/,
  )
  expect(code).toBe(1)
})

describe('the first line of the body', () => {
  it.for([
    ['is shown', [withLength('no room today')], ': no room today'],
    ['alone', [withLength('\n\n  no room today  \r\ncome back tomorrow')], ': no room today'],
    ['comes in pieces', [head('Content-Length: 13'), 'no ro', 'om today'], ': no room today'],
    [
      'comes in chunks',
      [head('Transfer-Encoding: chunked'), '3\r\nno \r\nA;x=1\r\nro', 'om today\r\n0\r\n\r\n'],
      ': no room today',
    ],
    ['is waited for no longer than it is one', [head(), 'no room today\n'], ': no room today'],
    ['is that with words of JSON over lines', [withLength('{\n  "error": "full"\n}')], ': "error": "full"'],
    ['is left out of a page', [withLength('<html>\n<h1>no room today</h1>')], ''],
    ['is left out if the status says it', [withLength('No')], ''],
    ['is left out if there is none', [withLength('')], ''],
    ['is left out if it is compressed', [head('Content-Encoding: br', 'Content-Length: 4') + 'abcd'], ''],
    ['is at most 200 characters', [withLength('ä'.repeat(201))], `: ${'ä'.repeat(199)}…`],
    ['may have as many', [withLength('ä'.repeat(200))], `: ${'ä'.repeat(200)}`],
    [
      'moves nothing on a terminal',
      [withLength('no\u001b[2J\u0007\troom\u202e\u0085 today')],
      ': no\\u{1b}[2J\\u{7}\\u{9}room\\u{202e}\\u{85} today',
    ],
  ] as const)('%s', async ([, parts, said]) => {
    expect(await saidBy(() => parts)).toBe(said)
  })

  it('goes to the end of a connection that has no other', async () => {
    const said = await saidBy((_request, socket) => {
      socket.end(`${head()}no room today`)
      return []
    })
    expect(said).toBe(': no room today')
  })

  it('is masked before it is cut, or not shown: a part of a secret is none that a mask finds', async () => {
    const key = 'open sesame '.repeat(30)
    const args = ['--header', `X-Key: ${key}`]
    expect(await saidBy(() => [withLength(`no room for ${key.trim()}`)], args)).toBe(': no room for ***')
    expect(await saidBy(() => [withLength('token=abc for Bearer swordfish')])).toBe(
      ': token=*** for Bearer ***',
    )
    // It goes on, and the server keeps it to itself.
    const half = [head('Content-Length: 1000'), `no room for ${key.slice(0, 100)}`]
    expect(await saidBy(() => half, args)).toBe('')
    const shown = await saidBy(() => [withLength(`no room for ${key.trim()}`)], [...args, '--show-secrets'])
    expect(shown).toMatch(/^: no room for open sesame open .*…$/)
  })

  it('that is another each time makes no report of thousands of lines', async () => {
    let asked = 0
    const url = await answering(() => [withLength(`request ${++asked}`)])
    const { report, code } = await bench(url, ['connect', '--connections', 10, ...SHORT])
    expect(report.connections.refused).toBeGreaterThan(6)
    expect(report.problems).toHaveLength(6)
    expect(report.problems[0]).toMatch(/^1 connection: the server answered 400 No: request \d+$/)
    expect(report.problems.at(-1)).toMatch(/^\d+ connections?: the server answered 400 No$/)
    expect(code).toBe(1)
  })
})
