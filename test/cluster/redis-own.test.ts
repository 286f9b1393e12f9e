import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import type { BrokerOptions } from '../../src/engine/broker.ts'
import { createBroker } from '../../src/cluster/create-broker.ts'
import { command } from '../../src/cluster/redis/command.ts'
import { createCertificate } from '../cli/certificate.ts'
import { RedisServer, type RedisServerOptions } from '../support/redis-server.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { BrokerNode } from './broker-node.ts'

const SECRET = 'S3cret/@:'
const WRITTEN = encodeURIComponent(SECRET)

type OnTestFinished = TestContext['onTestFinished']

async function serverOf(onTestFinished: OnTestFinished, options?: RedisServerOptions): Promise<RedisServer> {
  const server = await RedisServer.start(options)
  onTestFinished(() => server.close())
  return server
}

async function nodeOf(onTestFinished: OnTestFinished, options: BrokerOptions): Promise<BrokerNode> {
  const broker = await createBroker(options)
  onTestFinished(() => broker.close())
  return BrokerNode.open(broker)
}

/** All that a node was told, for people and for programs. */
function toldTo(node: BrokerNode): string {
  const { name } = node.broker
  return [
    name,
    ...node.downs.map((error) => `${error.stack}\n${inspect(error, { depth: 9, showHidden: true })}`),
  ].join('\n')
}

describe.concurrent('one of its two connections', () => {
  test.for(['SUBSCRIBE', 'PUBLISH'])('cut (%s), both are dialled anew', async (word, { onTestFinished }) => {
    const server = await serverOf(onTestFinished)
    const proxy = await TcpProxy.start(server.port)
    onTestFinished(() => proxy.close())
    const node = await nodeOf(onTestFinished, { url: `redis://127.0.0.1:${proxy.port}` })
    const other = await nodeOf(onTestFinished, { url: server.url })
    node.say('before')
    await other.heard('before')
    const before = proxy.count
    expect(proxy.cut(word)).toBe(1)
    await node.was('up', 'down', 'up')
    expect(proxy.count - before).toBe(2)
    node.say('there')
    other.say('back')
    await Promise.all([other.heard('there'), node.heard('back')])
    expect([node.states, other.states]).toEqual([['up', 'down', 'up'], ['up']])
    expect(node.downs[0]).toMatchObject({ code: 'ERR_BROKER' })
  })
})

describe.concurrent('who may', () => {
  test('user and password let in; others get one down without them, and are dialled on', async ({
    onTestFinished,
  }) => {
    const acl = ['--user', 'app', 'on', `>${SECRET}`, '+@all', '~*', '&*', '--user', 'default', 'off']
    const server = await serverOf(onTestFinished, { args: acl })
    const proxy = await TcpProxy.start(server.port)
    onTestFinished(() => proxy.close())
    const at = `127.0.0.1:${proxy.port}`
    const [right, wrong, none] = await Promise.all(
      [`app:${WRITTEN}@`, `app:${WRITTEN}x@`, ''].map((who) =>
        nodeOf(onTestFinished, { url: `redis://${who}${at}` }),
      ),
    )
    expect(right!.states).toEqual(['up'])
    for (const node of [wrong!, none!]) expect(node.states).toEqual(['down'])
    expect(wrong!.downs[0]!.message).toBe(
      `redis://${at}/0 does not take the password (WRONGPASS): look at user and password in the URL of "broker"`,
    )
    expect(none!.downs[0]!.message).toBe(
      `redis://${at}/0 wants a password (NOAUTH): look at user and password in the URL of "broker"`,
    )
    expect(toldTo(wrong!)).not.toMatch(/S3cret|app/)
    right!.say('come in')
    await right!.heard('come in')
    await setPassword(server, SECRET, `${SECRET}x`)
    await wrong!.was('down', 'up')
    wrong!.say('here')
    await right!.heard('here')
    expect(none!.states).toEqual(['down'])
  })

  test('a user that may not publish is up once, and then down until it may', async ({ onTestFinished }) => {
    const acl = ['--user', 'app', 'on', `>${SECRET}`, '+subscribe', '+ping', '&shop:*']
    const server = await serverOf(onTestFinished, { args: acl })
    const url = server.url.replace('//', `//app:${WRITTEN}@`)
    const [node, other] = await Promise.all([
      nodeOf(onTestFinished, { url, prefix: 'shop' }),
      nodeOf(onTestFinished, { url, prefix: 'other' }),
    ])
    // The other one may not even listen.
    expect([node.states, other.states]).toEqual([['up'], ['down']])
    expect(other.downs[0]!.message).toContain('has to allow +publish +subscribe +ping &other:0')
    node.say('what I may not')
    await node.was('up', 'down')
    expect(node.downs[0]!.message).toContain('(NOPERM)')
    expect(toldTo(node)).not.toMatch(/S3cret|app/)
    await admin(server, ['ACL', 'SETUSER', 'app', '+publish'])
    await node.was('up', 'down', 'up')
    node.say('what I may')
    await node.heard('what I may')
    expect(node.states).toEqual(['up', 'down', 'up'])
  })
})

test.concurrent('two prefixes, and two databases, are deaf to each other', async ({ onTestFinished }) => {
  const server = await serverOf(onTestFinished)
  const [a, b, c, unix] = await Promise.all([
    nodeOf(onTestFinished, { url: server.url }),
    nodeOf(onTestFinished, { url: `${server.url}/1` }),
    nodeOf(onTestFinished, { url: server.url, prefix: 'other' }),
    nodeOf(onTestFinished, { url: `redis+unix://${server.path}?db=1` }),
  ])
  for (const [index, node] of [a, b, c].entries()) node.say(`of ${index}`)
  await Promise.all([a.heard('of 0'), b.heard('of 1'), c.heard('of 2'), unix.heard('of 1')])
  unix.say('last')
  await b.heard('last')
  expect([a.texts, b.texts, c.texts]).toEqual([['of 0'], ['of 1', 'last'], ['of 2']])
  expect(unix.broker.name).toBe(`redis+unix://${server.path}`)
})

describe.concurrent('by TLS', () => {
  let folder: string
  let files: { certFile: string; keyFile: string; caFile: string }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sidewire-tls-'))
    const { cert, key } = createCertificate()
    files = {
      certFile: join(folder, 'cert.pem'),
      keyFile: join(folder, 'key.pem'),
      caFile: join(folder, 'cert.pem'),
    }
    writeFileSync(files.certFile, cert)
    writeFileSync(files.keyFile, key)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('a certificate that nobody knows is refused before the password is said; with ca it is taken', async ({
    onTestFinished,
  }) => {
    const server = await serverOf(onTestFinished, { tls: files, args: ['--requirepass', SECRET] })
    const url = `rediss://:${WRITTEN}@localhost:${server.port}`
    const [stranger, known, plain] = await Promise.all([
      nodeOf(onTestFinished, { url }),
      nodeOf(onTestFinished, { url, tls: { ca: files.caFile } }),
      nodeOf(onTestFinished, { url: `redis://:${WRITTEN}@127.0.0.1:${server.port}` }),
    ])
    expect([stranger.states, known.states, plain.states]).toEqual([['down'], ['up'], ['down']])
    expect(stranger.downs[0]!.message).toMatch(
      /^the certificate of rediss:\/\/localhost:\d+\/0 is not trusted \(.+\): name who has signed it in "broker.tls.ca"$/,
    )
    known.broker.publish(Buffer.alloc(3_000_000, 'x'))
    await known.until(() => known.frames[0]?.length === 3_000_000, 'heard 3 MB')
    expect(toldTo(stranger) + toldTo(plain)).not.toContain('S3cret')
  })
})

test.concurrent('what is no Redis is an error and a redial, however it ends', async ({ onTestFinished }) => {
  const sockets = new Set<Socket>()
  let dials = 0
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    const answers = [
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      '-DENIED by S3cret/@: rules\r\n',
      '*1\r\n$99999999\r\n',
    ]
    socket.once('data', () => socket.write(answers[Math.floor(dials++ / 2) % 3]!))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  const node = await nodeOf(onTestFinished, { url: `redis://:${WRITTEN}@127.0.0.1:${port}` })
  // More than three dials, and one word about it.
  expect(dials).toBeGreaterThan(6)
  expect(node.states).toEqual(['down'])
  expect(node.downs[0]!.message).toBe(
    `redis://127.0.0.1:${port}/0 does not speak Redis' protocol: a line starts with 0x48`,
  )
})

/** Of the user `app`, who may all. */
async function setPassword(server: RedisServer, from: string, to: string): Promise<void> {
  await admin(server, ['ACL', 'SETUSER', 'app', `>${to}`], ['app', from])
}

/** One command, over the Unix socket. */
async function admin(server: RedisServer, words: readonly string[], auth?: readonly string[]): Promise<void> {
  const socket = connect(server.path)
  try {
    await new Promise<void>((resolve, reject) => {
      let answer = ''
      socket.on('error', reject)
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString()
        if (answer.startsWith('-')) reject(new Error(answer))
        if (answer.split('\r\n').length > (auth ? 2 : 1)) resolve()
      })
      socket.write(Buffer.concat([...(auth ? [command('AUTH', ...auth)] : []), command(...words)]))
    })
  } finally {
    socket.destroy()
  }
}
