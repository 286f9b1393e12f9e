import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBroker } from '../../src/cluster/create-broker.ts'
import { redactUrl } from '../../src/cluster/redact-url.ts'
import type { BrokerOptions } from '../../src/engine/broker.ts'
import { createCertificate } from '../cli/certificate.ts'

const refused = async (options: BrokerOptions): Promise<unknown> =>
  createBroker(options).catch((error: unknown) => error)

test.each([
  ['redis://127.0.0.1', 'redis://127.0.0.1:6379/0'],
  ['redis://app:S3cret%40@cache.example:7000/2', 'redis://cache.example:7000/2'],
  ['redis://:S3cret@[::1]', 'redis://[::1]:6379/0'],
  ['rediss://S3cret:S3cret@cache.example/', 'rediss://cache.example:6379/0'],
  ['redis+unix:///run/redis%20a.sock?db=3', 'redis+unix:///run/redis a.sock'],
  ['redis+unix://app:S3cret@/run/redis.sock', 'redis+unix:///run/redis.sock'],
  ['nats://S3cret@a,b:4333', 'nats://a:4222,b:4333'],
  ['tls://app:S3cret@nats.example', 'tls://nats.example:4222'],
])('%s is a broker with a name without secrets', async (url, name) => {
  const broker = await createBroker({ url })
  expect(broker.name).toBe(name)
  expect(broker.publish(new Uint8Array(1))).toBe(false)
  await broker.close()
})

const PERCENT = 'write @ : / ? # and % of a user or password percent-encoded: %40 for @'
const HOST = 'behind :// and an @ it has a host, and a port from 1 to 65535: host:6379'

test.each([
  [
    'localhost:6379',
    'localhost:6379',
    'it starts with redis://, rediss://, redis+unix://, nats:// or tls://',
  ],
  [
    'http://app:S3cret@a',
    'http://***@a',
    'it starts with redis://, rediss://, redis+unix://, nats:// or tls://',
  ],
  ['REDIS://a', 'REDIS://a', 'it starts with redis://, rediss://, redis+unix://, nats:// or tls://'],
  ['redis://', 'redis://***', 'it names one host: redis://host:6379'],
  ['redis://a,b', 'redis://a,b', 'it names one host: redis://host:6379'],
  ['redis://app:S3cret/@a', 'redis://***@a', PERCENT],
  ['redis://app:S3c@ret@a', 'redis://***@a', PERCENT],
  ['redis://app:S3cret%@a', 'redis://***@a', 'a % in it has to be written as %25'],
  ['redis://app:S3cret', 'redis://***', HOST],
  ['redis://a:0', 'redis://a:0', HOST],
  ['redis://a:65536', 'redis://a:65536', HOST],
  ['redis://app@a', 'redis://***@a', 'it has a user and no password: user:password@, or :password@'],
  ['redis://a/shop', 'redis://a/shop', 'the database is a number: redis://host:6379/0'],
  [
    'redis://a/0?tls=S3cret',
    'redis://a/0?***',
    'it has a "?", behind which redis+unix:// knows "db", and the others nothing',
  ],
  [
    'redis+unix://run/redis.sock',
    'redis+unix://run/redis.sock',
    'it names a path: redis+unix:///run/redis.sock',
  ],
  ['nats://', 'nats://***', 'it names a host, or several of one cluster: nats://a:4222,b:4222'],
  ['nats://a/shop', 'nats://a/shop', 'nothing is behind the hosts: nats://a:4222,b:4222'],
  ['nats://app:S3cret@a,app:S3cret@b', 'nats://***@b', PERCENT],
])('%s is an ERR_OPTION that names the cure', async (url, shown, cure) => {
  const error = await refused({ url })
  expect(error).toMatchObject({ code: 'ERR_OPTION', message: `option "broker.url" is "${shown}": ${cure}` })
  expect((error as Error).stack).not.toContain('S3c')
})

test.each(['', 'two words', 'a\n', 'x'.repeat(129), 7 as unknown as string])(
  '%j is no prefix',
  async (prefix) => {
    expect(await refused({ url: 'redis://a', prefix })).toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringMatching(
        /^option "broker.prefix" is .+: it has 1 to 128 characters, and no spaces: "shop"$/,
      ),
    })
  },
)

describe('the files of tls', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sidewire-tls-'))
    writeFileSync(join(folder, 'empty.pem'), '')
    writeFileSync(join(folder, 'broken.pem'), '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n')
    writeFileSync(join(folder, 'cert.pem'), createCertificate().cert)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test.each([
    [{ ca: 'none.pem' }, 'option "broker.tls.ca" is "none.pem": there is no such file'],
    [{ ca: 'empty.pem' }, 'option "broker.tls.ca" is "empty.pem": it has to be a PEM file'],
    [
      { key: 'cert.pem' },
      'option "broker.tls" has only one of "cert" and "key": "cert.pem" is of no use without the other',
    ],
    [
      { ca: 'cert.pem', cert: 'cert.pem', key: 'broken.pem' },
      'option "broker.tls" is "cert.pem", "cert.pem", "broken.pem": ',
    ],
  ])('%j', async (names, message) => {
    const tls = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, join(folder, name)]))
    const error = await refused({ url: 'rediss://a', tls })
    expect(error).toMatchObject({ code: 'ERR_TLS' })
    expect((error as Error).message.replaceAll(`${folder}/`, '')).toContain(message)
  })

  test('are of no use without TLS', async () => {
    expect(await refused({ url: 'redis://:S3cret@a', tls: {} })).toMatchObject({
      code: 'ERR_OPTION',
      message: 'option "broker.tls" is for rediss://, and "broker.url" is "redis://***@a"',
    })
  })
})

test.each([
  ['redis://user:p@ss@a:1/0', 'redis://***@a:1/0'],
  ['nats://token@a:1,b', 'nats://***@a:1,b'],
  ['nats://a:token', 'nats://***'],
  ['redis+unix:///run/a.sock?password=x', 'redis+unix:///run/a.sock?***'],
  ['redis+unix:///run/a.sock?db=1', 'redis+unix:///run/a.sock?db=1'],
  ['redis://a b', 'redis://***'],
  ['user:password@a', '***@a'],
  ['', '***'],
])('of %j a message shows %j', (url, shown) => {
  expect(redactUrl(url)).toBe(shown)
})
