import { connect } from 'node:net'
import { clearTimeout, setTimeout } from '../../engine/timers.ts'
import { BrokerError, networkError } from '../broker-error.ts'
import type { Host } from '../url-parts.ts'

/**
 * Whether a NATS server is there and speaks: it says the first word (INFO). The package cannot be asked to stop dialling, and keeps
 * its socket for ever when a server that is stuck takes the connection and then says nothing (measured with 3.4.0: one a dial).
 */
export async function peek({ host, port, text }: Host, ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port })
    const end = (error?: Error): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      socket.destroy()
      if (error) reject(error)
      else resolve()
    }
    const abort = (): void => end(new BrokerError('closed'))
    const timer = setTimeout(() => end(new BrokerError(`${text} does not answer`)), ms)
    signal.addEventListener('abort', abort, { once: true })
    socket.once('data', () => end())
    socket.on('error', (error) => end(networkError(error, text)))
    socket.once('close', () => end(new BrokerError(`${text} has ended the connection`)))
  })
}
