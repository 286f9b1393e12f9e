import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import { SidewireError } from '../engine/errors.ts'
import { targetOf, type Target } from '../wire/target.ts'
import { shown } from './mask.ts'

/**
 * Reads the URL, and finds out which of its addresses answers: 10,000 connections need not look its name up again.
 * @throws `ERR_OPTION` for what is no WebSocket URL, `ERR_LOAD` if nobody listens there
 */
export async function resolveTarget(text: string): Promise<Target> {
  if (text.includes('#'))
    throw new SidewireError(
      'ERR_OPTION',
      'the URL has a #; a WebSocket URL has no fragment (RFC 6455 3): leave it out, or write %23 for the character',
    )
  const target = targetOf(text)
  if (!target)
    throw new SidewireError(
      'ERR_OPTION',
      `the URL is ${JSON.stringify(shown(text))}; it has to be one such as ws://localhost:8787/api/ws/echo`,
    )
  return { ...target, address: await findAddress(target.hostname, target.port) }
}

async function findAddress(hostname: string, port: number): Promise<string> {
  let why = 'it has no address'
  try {
    for (const { address } of await lookup(hostname, { all: true })) {
      const failure = await tryConnect(address, port)
      if (failure === undefined) return address
      why = failure
    }
  } catch (cause) {
    why = `the host name is unknown (${(cause as NodeJS.ErrnoException).code ?? shown(String(cause))})`
  }
  throw new SidewireError('ERR_LOAD', `cannot connect to ${shown(hostname)}:${port}: ${why}`)
}

const CONNECT_TIMEOUT_MS = 5000

/** `undefined` if somebody listens, else why not. */
function tryConnect(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    const settle = (why?: string): void => {
      socket.destroy()
      resolve(why)
    }
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => settle(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`))
    socket.once('connect', () => settle())
    socket.once('error', ({ message, code }: NodeJS.ErrnoException) =>
      settle(code === 'ECONNREFUSED' ? 'nobody listens there; is the server running?' : shown(message)),
    )
  })
}
