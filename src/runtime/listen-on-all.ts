import { promises } from 'node:dns'
import { isIP } from 'node:net'
import { SidewireError } from '../engine/errors.ts'
import type { ListenOptions } from '../engine/runtime.ts'

/** One address that connections are taken on. */
export interface Listener {
  readonly port: number
  /** Takes no more connections. */
  stop(): void
}

/** A port that is free on one address is mostly free on the other, too. */
const ATTEMPTS = 10

/**
 * Listens at one port on all addresses. The first has to be there; the others are left out on a machine that has no such
 * address (no IPv6, say). One whose port is in use is an error all the same: some clients would reach another program
 * there. Port 0 takes one that is free on all.
 * @param open - rejects with the platform's own error
 * @throws `ERR_LISTEN`; nothing listens then
 */
export async function listenOnAll<L extends Listener>(
  { hosts, port }: Pick<ListenOptions, 'hosts' | 'port'>,
  open: (host: string, port: number) => L | Promise<L>,
): Promise<[L, ...L[]]> {
  for (let attempt = 1; ; attempt++) {
    const listeners: L[] = []
    const failure = await addAll(listeners, hosts, port, open)
    if (!failure) return listeners as [L, ...L[]]
    for (const listener of listeners) listener.stop()
    const { host } = failure
    const cause = (await unknownName(host)) ?? failure.cause
    const isFirst = listeners.length === 0
    const another = port === 0 && !isFirst && codeOf(cause) === 'EADDRINUSE' && attempt < ATTEMPTS
    if (!another)
      throw listenError(cause, host, port, isFirst ? undefined : `host '${hosts[0]}' leaves this address out`)
  }
}

async function addAll<L extends Listener>(
  listeners: L[],
  hosts: readonly string[],
  port: number,
  open: (host: string, port: number) => L | Promise<L>,
): Promise<{ host: string; cause: unknown } | undefined> {
  for (const host of hosts) {
    try {
      listeners.push(await open(host, listeners[0]?.port ?? port))
    } catch (cause) {
      if (listeners.length === 0 || !isAbsent(cause)) return { host, cause }
    }
  }
  return undefined
}

/** No such address, or no IPv6 at all. */
function isAbsent(cause: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(String(codeOf(cause)))
}

/** Why the name has no address: Bun leaves whatever error number it finds, from EINVAL to EADDRINUSE. */
async function unknownName(host: string): Promise<unknown> {
  if (isIP(host) !== 0) return undefined
  return promises.lookup(host).then(
    () => undefined,
    (cause: Error) => Object.assign(new Error(cause.message, { cause }), { code: 'ENOTFOUND' }),
  )
}

function codeOf(cause: unknown): unknown {
  return (cause as { code?: unknown } | undefined)?.code
}

/**
 * Why listening failed, with its cure, from the error of whichever platform.
 * @param cure - another one
 */
function listenError(cause: unknown, host: string, port: number, cure?: string): SidewireError {
  const name = host.includes(':') ? `[${host}]` : host
  const why = [explain(cause), ...(cure === undefined ? [] : [cure])].join('; ')
  return new SidewireError('ERR_LISTEN', `cannot listen on ${name}:${port}: ${why}`, { cause })
}

function explain(cause: unknown): string {
  switch (codeOf(cause)) {
    case 'EADDRINUSE':
      return 'the port is in use; stop the other server or choose another port (0 takes a free one)'
    case 'EACCES':
      return 'ports below 1024 need more rights; choose a higher one'
    case 'ENOTFOUND':
      return 'the host name is unknown'
    case 'EADDRNOTAVAIL':
      return "this machine has no such address; use '127.0.0.1', or '0.0.0.0' for all of its addresses"
    default:
      return cause instanceof Error ? cause.message : String(cause)
  }
}
