import type { BrokerTls } from '../broker-tls.ts'
import { urlError, urlParts, type Host } from '../url-parts.ts'

const DEFAULT_PORT = 4222

/** Where NATS is, who we are there, and what we speak about. */
export interface NatsAddress {
  /** Without user, password and token. */
  readonly name: string
  readonly servers: readonly [Host, ...Host[]]
  readonly tls: BrokerTls | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly token: string | undefined
  readonly subject: string
}

/**
 * `nats://user:password@host:port`, `nats://token@host`, `tls://`, several hosts with commas.
 * @throws `ERR_OPTION`
 */
export function natsAddress(url: string, prefix: string, tls: BrokerTls | undefined): NatsAddress {
  const { scheme, user, password, hosts, path, query } = urlParts(url, DEFAULT_PORT)
  const [first, ...others] = hosts
  if (!first) throw urlError(url, `it names a host, or several of one cluster: ${scheme}://a:4222,b:4222`)
  if ((path !== '' && path !== '/') || query.size > 0)
    throw urlError(url, `nothing is behind the hosts: ${scheme}://a:4222,b:4222`)
  return {
    name: `${scheme}://${hosts.map(({ text }) => text).join(',')}`,
    servers: [first, ...others],
    // An empty one says that there has to be TLS; without one it is used where the server has it.
    tls: tls ?? (scheme === 'tls' ? {} : undefined),
    user: password === undefined ? undefined : user,
    password,
    token: password === undefined ? user || undefined : undefined,
    // Dots, `*`, `>` and spaces mean something in a subject (docs.nats.io/nats-concepts/subjects), and a prefix may have them.
    subject: `sidewire.${Buffer.from(prefix).toString('base64url')}`,
  }
}
