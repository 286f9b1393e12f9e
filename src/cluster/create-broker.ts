import type { Broker, BrokerOptions } from '../engine/broker.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import { readBrokerTls } from './broker-tls.ts'
import { redactUrl } from './redact-url.ts'
import { RedialingBroker } from './redialing-broker.ts'

const DEFAULT_PREFIX = 'sidewire'
/** What every broker takes, so that a URL can be changed for another without a thought; and what a log line can show. */
const PREFIX = /^[^\s\p{C}]{1,128}$/u

/**
 * The broker that a URL names. It loads what that one needs, and dials nobody before `open`.
 * @throws `ERR_OPTION` for a URL or a prefix that cannot be, `ERR_TLS` for a file of `tls`, `ERR_BROKER` without NATS' package
 */
export async function createBroker({ url, prefix = DEFAULT_PREFIX, tls }: BrokerOptions): Promise<Broker> {
  if (typeof url !== 'string')
    throw new SidewireError(
      'ERR_OPTION',
      'option "broker.url" has to be a string: redis://host:6379, or nats://host:4222',
    )
  if (typeof prefix !== 'string' || !PREFIX.test(prefix))
    throw new SidewireError(
      'ERR_OPTION',
      `option "broker.prefix" is ${describe(prefix)}: it has 1 to 128 characters, and no spaces: "shop"`,
    )
  const [, scheme = ''] = /^([a-z+]+):\/\//.exec(url) ?? []
  if (tls && ['redis', 'redis+unix'].includes(scheme))
    throw new SidewireError(
      'ERR_OPTION',
      `option "broker.tls" is for rediss://, and "broker.url" is "${redactUrl(url)}"`,
    )
  const files = tls && readBrokerTls(tls)
  switch (scheme) {
    case 'redis':
    case 'rediss':
    case 'redis+unix': {
      const [{ redisAddress }, { dialRedis }] = await Promise.all([
        import('./redis/address.ts'),
        import('./redis/redis-link.ts'),
      ])
      const address = redisAddress(url, prefix, files)
      return new RedialingBroker(address.name, dialRedis(address))
    }
    case 'nats':
    case 'tls': {
      const [{ natsAddress }, { dialNats }, { loadNats }] = await Promise.all([
        import('./nats/address.ts'),
        import('./nats/nats-link.ts'),
        import('./nats/nats-package.ts'),
      ])
      const address = natsAddress(url, prefix, files)
      return new RedialingBroker(address.name, dialNats(address, loadNats().connect))
    }
    default:
      throw new SidewireError(
        'ERR_OPTION',
        `option "broker.url" is "${redactUrl(url)}": it starts with redis://, rediss://, redis+unix://, nats:// or tls://`,
      )
  }
}
