import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test, type TestContext } from 'vitest'
import { createBroker } from '../../src/cluster/create-broker.ts'
import { loadNats } from '../../src/cluster/nats/nats-package.ts'
import type { BrokerOptions } from '../../src/engine/broker.ts'
import { createCertificate } from '../cli/certificate.ts'
import { NatsServer } from '../support/nats-server.ts'
import { BrokerNode } from './broker-node.ts'

const SECRET = 'S3cret-1'

type OnTestFinished = TestContext['onTestFinished']

async function serverOf(onTestFinished: OnTestFinished, config = ''): Promise<NatsServer> {
  const server = await NatsServer.start({ config })
  onTestFinished(() => server.close())
  return server
}

async function nodeOf(onTestFinished: OnTestFinished, options: BrokerOptions): Promise<BrokerNode> {
  const broker = await createBroker(options)
  onTestFinished(() => broker.close())
  return BrokerNode.open(broker)
}

function toldTo(node: BrokerNode): string {
  const { name } = node.broker
  return [
    name,
    ...node.downs.map((error) => `${error.stack}\n${inspect(error, { depth: 9, showHidden: true })}`),
  ].join('\n')
}

describe.concurrent('NATS alone', () => {
  test('says how long a frame may be, and one byte more is not taken', async ({ onTestFinished }) => {
    const server = await serverOf(onTestFinished, 'max_payload: 4096')
    const [a, b] = await Promise.all([
      nodeOf(onTestFinished, { url: server.url }),
      nodeOf(onTestFinished, { url: server.url }),
    ])
    expect(a.broker.maxFrame).toBe(4096)
    expect([4097, 4096].map((size) => a.broker.publish(Buffer.alloc(size, 'x')))).toEqual([false, true])
    await b.until(() => b.frames.length === 1, 'heard one')
    expect([b.frames[0]!.length, a.states]).toEqual([4096, ['up']])
  })

  test('prefixes are deaf to each other, whatever is in them', async ({ onTestFinished }) => {
    const server = await serverOf(onTestFinished)
    const prefixes = ['shop', 'shop.>', '*', 'größe']
    const nodes = await Promise.all(
      prefixes.map((prefix) => nodeOf(onTestFinished, { url: server.url, prefix })),
    )
    for (const [index, node] of nodes.entries()) node.say(prefixes[index]!)
    await Promise.all(nodes.map((node, index) => node.heard(prefixes[index]!)))
    for (const node of nodes) node.say('last')
    await Promise.all(nodes.map((node) => node.heard('last')))
    expect(nodes.map((node) => node.texts)).toEqual(prefixes.map((prefix) => [prefix, 'last']))
  })

  test.for([
    ['a token', `authorization { token: "${SECRET}" }`, ''],
    ['user and password', `authorization { user: app, password: "${SECRET}" }`, 'app:'],
  ] as const)(
    '%s let in; others get one down without them, and are dialled on',
    async ([, config, user], { onTestFinished }) => {
      const server = await serverOf(onTestFinished, config)
      const url = (who: string): string => server.url.replace('//', `//${user}${who}@`)
      const [right, wrong, none] = await Promise.all([
        nodeOf(onTestFinished, { url: url(SECRET) }),
        nodeOf(onTestFinished, { url: url(`${SECRET}x`) }),
        nodeOf(onTestFinished, { url: server.url }),
      ])
      expect([right.states, wrong.states, none.states]).toEqual([['up'], ['down'], ['down']])
      for (const node of [wrong, none])
        expect(node.downs[0]!.message).toBe(
          `${server.url} does not take the user, password or token (AuthorizationError): look at the URL of "broker"`,
        )
      expect(toldTo(wrong) + right.broker.name).not.toMatch(/S3cret|app/)
      await server.kill()
      server.configure('')
      await server.start()
      await Promise.all([wrong.was('down', 'up'), none.was('down', 'up'), right.was('up', 'down', 'up')])
      wrong.say('here')
      await none.heard('here')
    },
  )

  test('a user that may not publish is up once, and then down until it may', async ({ onTestFinished }) => {
    const subject = `sidewire.${Buffer.from('shop').toString('base64url')}`
    const user = (publish: string): string =>
      `authorization { users: [{ user: app, password: "${SECRET}", permissions: { publish: "${publish}", subscribe: "${subject}" } }] }`
    const server = await serverOf(onTestFinished, user('none'))
    const url = server.url.replace('//', `//app:${SECRET}@`)
    const [node, other] = await Promise.all([
      nodeOf(onTestFinished, { url, prefix: 'shop' }),
      nodeOf(onTestFinished, { url, prefix: 'other' }),
    ])
    expect([node.states, other.states]).toEqual([['up'], ['down']])
    node.say('what I may not')
    await node.was('up', 'down')
    expect(node.downs[0]!.message).toBe(
      `${server.url} does not let this user publish and subscribe: its permissions have to allow both for "${subject}"`,
    )
    expect(toldTo(node) + toldTo(other)).not.toMatch(/S3cret|app/)
    await server.kill()
    server.configure(user(subject))
    await server.start()
    await node.was('up', 'down', 'up')
    node.say('what I may')
    await node.heard('what I may')
    expect(node.states).toEqual(['up', 'down', 'up'])
  })

  test('of several servers, those that are away are passed over', async ({ onTestFinished }) => {
    const [first, second] = await Promise.all([serverOf(onTestFinished), serverOf(onTestFinished)])
    await first.kill()
    const node = await nodeOf(onTestFinished, {
      url: `nats://127.0.0.1:${first.port},127.0.0.1:${second.port}`,
    })
    expect(node.states).toEqual(['up'])
    await Promise.all([second.kill(), first.start()])
    await node.was('up', 'down', 'up')
    node.say('moved')
    await node.heard('moved')
  })

  test('by TLS, a certificate that nobody knows is refused; with ca it is taken', async ({
    onTestFinished,
  }) => {
    const folder = mkdtempSync(join(tmpdir(), 'sidewire-tls-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
    const made = createCertificate()
    writeFileSync(files.cert, made.cert)
    writeFileSync(files.key, made.key)
    const server = await serverOf(
      onTestFinished,
      `tls { cert_file: "${files.cert}", key_file: "${files.key}" }\nauthorization { token: "${SECRET}" }`,
    )
    const at = `${SECRET}@localhost:${server.port}`
    const [stranger, known, plain] = await Promise.all([
      nodeOf(onTestFinished, { url: `tls://${at}` }),
      nodeOf(onTestFinished, { url: `tls://${at}`, tls: { ca: files.cert } }),
      nodeOf(onTestFinished, { url: `nats://${at}`, tls: { ca: files.cert } }),
    ])
    expect([stranger.states, known.states, plain.states]).toEqual([['down'], ['up'], ['up']])
    expect(stranger.downs[0]!.message).toMatch(
      /^the certificate of tls:\/\/localhost:\d+ is not trusted \(.+\): name who has signed it in "broker.tls.ca"$/,
    )
    known.broker.publish(Buffer.alloc(500_000, 'x'))
    await plain.until(() => plain.frames[0]?.length === 500_000, 'heard 500 kB')
    expect(toldTo(stranger)).not.toContain('S3cret')
  })
})

test('without its package, the error says how to install it', () => {
  expect(() => loadNats([join(tmpdir(), 'x.js')])).toThrow(
    expect.objectContaining({
      code: 'ERR_BROKER',
      message: 'a NATS broker needs the package @nats-io/transport-node: npm install @nats-io/transport-node',
    }),
  )
})
