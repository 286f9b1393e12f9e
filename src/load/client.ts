import type { Answer } from '../wire/answer.ts'
import type { ClientSocketOptions, End } from '../wire/client-socket.ts'
import { shown } from './mask.ts'
import type { LoadOptions } from './options.ts'
import type { Recorder } from './recorder.ts'
import { hasSaidIt, saidOf, whyRefused } from './refusal.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000

/** How the connections of a run are opened: one after another, each from the next of the local addresses. */
export function clientsOf(options: LoadOptions): () => ClientSocketOptions {
  const plain = clientOptions(options)
  const [first, ...others] = options.localAddresses.map((localAddress) => ({ ...plain, localAddress }))
  if (!first) return () => plain
  const all = [first, ...others]
  let next = 0
  return () => all[next++ % all.length] ?? first
}

function clientOptions(options: LoadOptions): ClientSocketOptions {
  const { target, subprotocol, headers, compress, tlsInsecure } = options
  return {
    target,
    protocols: subprotocol === undefined ? [] : subprotocol.split(',').map((each) => each.trim()),
    headers,
    deflate: compress,
    tls: { rejectUnauthorized: !tlsInsecure },
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    resets: true,
    refuse: (answer) => unwanted(answer, options),
    isEnough: hasSaidIt,
    show: shown,
  }
}

/** A server that does without what was asked for is not the one that is to be measured. */
function unwanted({ headers }: Answer, { subprotocol, compress }: LoadOptions): string | undefined {
  if (subprotocol !== undefined && headers['sec-websocket-protocol'] === undefined)
    return `the server does not speak ${shown(subprotocol)}`
  if (compress && headers['sec-websocket-extensions'] === undefined)
    return 'the server does not compress (--compress asks for permessage-deflate)'
  return undefined
}

/** Takes note of the end of a connection. */
export function recordEnd(recorder: Recorder, { how, why, answer, error }: End): void {
  if (answer) return recorder.ended(how, whyRefused(answer), saidOf(answer))
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  return recorder.ended(how, (code !== undefined && CURES[code]) || why, '')
}

const CURES: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL:
    'no local port is left, or the address is none of this machine (EADDRNOTAVAIL); use fewer connections, or more addresses with --local-ips',
  EMFILE: 'this process has no file descriptor left (EMFILE); raise `ulimit -n`, or use fewer connections',
}
