import type { Duplex } from 'node:stream'

/** An unmasked close frame with 1001 and no reason (RFC 6455 5.5.1, 7.4.1). */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9])

const clients = new Set<Duplex>()

/**
 * Tells a client behind the tunnel that is still there when the process exits. Frameworks end theirs by
 * `process.exit()`, some at the first signal, some while one of their two Vite servers still closes. Holding them up is
 * not ours, and nothing asynchronous happens any more; but a write of some bytes to a socket reaches the system at once.
 *
 * Ctrl-C of plain Vite stays what it is, the end at once by SIGINT: a listener for it would have to wait for the event
 * loop, and a handler that never returns could not be interrupted any more.
 */
export function tellAtExit(client: Duplex): void {
  // Before those that destroy the sockets then: Nuxt's.
  if (clients.size === 0) process.prependListener('exit', tellAll)
  clients.add(client)
  client.once('close', () => {
    clients.delete(client)
    if (clients.size === 0) process.off('exit', tellAll)
  })
}

function tellAll(): void {
  // What still waits for a slow reader is lost, and so would this be behind it.
  for (const client of clients) if (client.writable && client.writableLength === 0) client.write(GOING_AWAY)
}
