import type { TcpNetConnectOpts, IpcNetConnectOpts } from 'node:net'
import type { BrokerTls } from '../broker-tls.ts'
import { urlError, urlParts } from '../url-parts.ts'

const DEFAULT_PORT = 6379
/** Databases are `databases 16` by default; there are servers with more. */
const DB = /^\d{1,5}$/

/** Where Redis is, who we are there, and what we speak about. */
export interface RedisAddress {
  /** Without user and password. */
  readonly name: string
  readonly place: TcpNetConnectOpts | IpcNetConnectOpts
  readonly tls: BrokerTls | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly channel: string
}

/**
 * `redis://user:password@host:port/db`, `rediss://` (TLS), `redis+unix://user:password@/path?db=0`.
 * @throws `ERR_OPTION`
 */
export function redisAddress(url: string, prefix: string, tls: BrokerTls | undefined): RedisAddress {
  const { scheme, user, password, hosts, path, query } = urlParts(url, DEFAULT_PORT)
  const isUnix = scheme === 'redis+unix'
  const known = isUnix ? ['db'] : []
  const unknown = [...query.keys()].filter((key) => !known.includes(key))
  if (unknown.length > 0)
    throw urlError(url, 'it has a "?", behind which redis+unix:// knows "db", and the others nothing')
  if (user && password === undefined)
    throw urlError(url, 'it has a user and no password: user:password@, or :password@')
  const db = (isUnix ? query.get('db') : path.slice(1)) || '0'
  if (!DB.test(db)) throw urlError(url, 'the database is a number: redis://host:6379/0')
  const who = {
    user: user || undefined,
    password: password || undefined,
    // Pub/sub knows no databases (redis.io/docs/latest/develop/pubsub): without the number, two projects would hear each other.
    channel: `${prefix}:${Number(db)}`,
    tls: scheme === 'rediss' ? (tls ?? {}) : undefined,
  }
  if (isUnix) {
    if (hosts.length > 0 || path.length < 2)
      throw urlError(url, 'it names a path: redis+unix:///run/redis.sock')
    return { ...who, name: `redis+unix://${path}`, place: { path } }
  }
  const [first, second] = hosts
  if (!first || second) throw urlError(url, `it names one host: ${scheme}://host:6379`)
  const { host, port, text } = first
  return { ...who, name: `${scheme}://${text}/${Number(db)}`, place: { host, port } }
}
