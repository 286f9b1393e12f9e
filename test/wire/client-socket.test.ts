import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { Answer } from '../../src/wire/answer.ts'
import {
  ClientSocket,
  type ClientSocketEvents,
  type ClientSocketOptions,
  type End,
} from '../../src/wire/client-socket.ts'
import { targetOf } from '../../src/wire/target.ts'
import { accepting, startBare } from '../support/bare-server.ts'
import { encodeFrame } from '../support/raw-client.ts'

// What users of the socket see and `connect()` of the test kit does not show.

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Dialled {
  readonly socket: ClientSocket
  readonly opened: Promise<Answer>
  readonly ended: Promise<End>
}

function dial(
  url: string,
  events: Partial<ClientSocketEvents> = {},
  options: Partial<ClientSocketOptions> = {},
): Dialled {
  let open: (answer: Answer) => void = () => {}
  let end: (end: End) => void = () => {}
  const opened = new Promise<Answer>((resolve) => (open = resolve))
  const ended = new Promise<End>((resolve) => (end = resolve))
  const socket = new ClientSocket(
    { target: targetOf(url)!, handshakeTimeout: 30_000, ...options },
    { message: () => {}, ...events, open: (_socket, answer) => open(answer), ended: (how) => end(how) },
  )
  cleanups.push(() => socket.destroy())
  return { socket, opened, ended }
}

async function serve(answer: (socket: Socket, key: string, request: string) => void): Promise<string> {
  const server = await startBare(answer)
  cleanups.push(() => server.close())
  return server.url
}

const text = (payload: string): Buffer => encodeFrame(1, payload, { masked: false })

test('paused in a message, it reads none of those behind it until it goes on', async () => {
  const url = await serve((tcp, key) => {
    tcp.write(Buffer.concat([Buffer.from(accepting(key)), ...['a', 'b', 'c', 'd'].map(text)]))
  })
  const read: string[] = []
  let turns = 0
  const { socket, opened } = dial(url, {
    message(bytes, start, end) {
      read.push(bytes.toString('utf8', start, end))
      if (read.at(-1) === 'b' || read.at(-1) === 'c') socket.pause()
    },
    turn: () => turns++,
  })
  await opened
  await expect.poll(() => turns).toBe(1)
  expect(read).toEqual(['a', 'b'])
  socket.resume()
  expect(read).toEqual(['a', 'b', 'c'])
  socket.resume()
  expect(read).toEqual(['a', 'b', 'c', 'd'])
  expect(turns).toBe(3)
})

test('while it is paused the server has to wait, and nothing is lost', async () => {
  const chunk = encodeFrame(2, Buffer.alloc(64 * 1024), { masked: false })
  const COUNT = 512
  let tcp: Socket | undefined
  const url = await serve((socket, key) => {
    tcp = socket
    socket.write(accepting(key))
  })
  let count = 0
  const { socket, opened } = dial(url, { message: () => count++ })
  await opened
  socket.pause()
  for (let n = 0; n < COUNT; n++) tcp!.write(chunk)
  // 32 MiB are more than the operating system takes.
  let before = -1
  await expect
    .poll(
      () => {
        const same = tcp!.writableLength === before
        before = tcp!.writableLength
        return same
      },
      { interval: 100 },
    )
    .toBe(true)
  expect(before).toBeGreaterThan(0)
  expect(count).toBe(0)
  socket.resume()
  await expect.poll(() => count).toBe(COUNT)
})

test('what the server does not read waits, and is said to have gone', async () => {
  let tcp: Socket | undefined
  const url = await serve((socket, key) => {
    tcp = socket
    socket.write(accepting(key))
    socket.pause()
  })
  let drained = 0
  const { socket, opened } = dial(url, { drain: () => drained++ })
  await opened
  expect(socket.bufferedAmount).toBe(0)
  for (let n = 0; n < 512; n++) socket.send(Buffer.alloc(64 * 1024))
  expect(socket.bufferedAmount).toBeGreaterThan(0)
  expect(drained).toBe(0)
  tcp!.on('data', () => {}).resume()
  await expect.poll(() => drained).toBe(1)
  expect(socket.bufferedAmount).toBe(0)
})

test('interim answers come before the answer', async () => {
  const url = await serve((tcp, key) => {
    tcp.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${accepting(key)}`)
  })
  expect((await dial(url).opened).headers).not.toHaveProperty('link')
})

test('a Host of the caller stands in the place of its own', async () => {
  let request = ''
  const url = await serve((tcp, key, head) => {
    request = head
    tcp.write(accepting(key))
  })
  await dial(`${url}chat?a=1`, {}, { headers: ['Host: example.com', 'X-A: 1'] }).opened
  expect(request).toMatch(/^GET \/chat\?a=1 HTTP\/1\.1\r\n/)
  expect(request.match(/^host: .*$/gim)).toEqual(['Host: example.com'])
  expect(request).toContain('\r\nX-A: 1\r\n')
})

test('the caller has a say: what opens, how much of a refusal is enough, and what a sentence shows', async () => {
  const open = await serve((tcp, key) => void tcp.write(accepting(key)))
  expect(await dial(open, {}, { refuse: () => 'it is not blue' }).ended).toMatchObject({
    how: 'refused',
    why: 'it is not blue',
    answer: undefined,
  })
  const refusing = await serve((tcp) => void tcp.write('HTTP/1.1 503 Secret\r\nRetry-After: 5\r\n\r\nenough'))
  const options: Partial<ClientSocketOptions> = {
    isEnough: ({ body }) => body.length > 0,
    show: (shown) => shown.replace('Secret', '***'),
  }
  const { how, why, answer } = await dial(refusing, {}, options).ended
  expect({ how, why, body: answer?.body.toString(), status: answer?.status }).toEqual({
    how: 'refused',
    why: 'the server answered 503 ***',
    body: 'enough',
    status: 503,
  })
})

test.each<[name: string, answer: (tcp: Socket) => unknown, said: string]>([
  ['nothing', () => {}, 'no answer to the handshake within 50 ms'],
  [
    'a head without an end',
    (tcp) => tcp.write(`HTTP/1.1 101 X\r\n${'A: b\r\n'.repeat(12_000)}`),
    'the server broke RFC 6455: the answer to the handshake has no end',
  ],
  ['what is no HTTP', (tcp) => tcp.write('SSH-2.0-x\r\n\r\n'), 'the server answered SSH-2.0-x'],
  [
    'its end',
    (tcp) => tcp.end(),
    'the server ended the connection without an answer; if it speaks TLS, try wss://',
  ],
])('a server that answers %s', async (_name, answer, said) => {
  const url = await serve((tcp) => void answer(tcp))
  const isSlow = said.includes('50 ms')
  const { how, why, code } = await dial(url, {}, isSlow ? { handshakeTimeout: 50 } : {}).ended
  expect({ how, why, code }).toEqual({ how: 'refused', why: said, code: 1006 })
})

test('it says who has ended it, and how', async () => {
  const closes: Buffer[] = []
  const url = await serve((tcp, key) => {
    tcp.write(accepting(key))
    tcp.on('data', (bytes) => {
      if (bytes[0] === 0x88) closes.push(bytes)
      // 4000 for a close frame, 4001 for a message.
      const payload = bytes[0] === 0x88 ? [0x0f, 0xa0] : [0x0f, 0xa1, 0x6e, 0x6f]
      tcp.write(encodeFrame(8, Buffer.from(payload), { masked: false }))
    })
  })
  const mine = dial(url, {}, { closeTimeout: 30_000, resets: true })
  await mine.opened
  mine.socket.close(4000)
  expect(await mine.ended).toMatchObject({ how: 'closed', why: '', code: 4000, wasClean: true })
  const theirs = dial(url, {}, { closeTimeout: 100 })
  await theirs.opened
  theirs.socket.send('end')
  expect(await theirs.ended).toMatchObject({
    how: 'dropped',
    why: 'the server closed with 4001 "no"',
    code: 4001,
    reason: 'no',
    wasClean: true,
  })
  const paused = dial(url, { message: () => expect.unreachable() }, { closeTimeout: 30_000 })
  await paused.opened
  paused.socket.pause()
  paused.socket.close(1005)
  expect(await paused.ended).toMatchObject({ how: 'closed', code: 4000, wasClean: true })
  paused.socket.resume()
  theirs.socket.send('too late')
  theirs.socket.close()
  expect(theirs.socket.isOpen).toBe(false)
  // A head and a mask with 4000, with the echo of 4001 and its reason, and with no code.
  expect(closes.map((bytes) => bytes.length)).toEqual([8, 10, 6])
})
