import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'

const HANDSHAKE = 'GET / HTTP/1.1\r\nHost:\tx\t\r\nUpgrade:\twebsocket\t\r\nConnection:\tUpgrade\t\r\n\r\n'

/**
 * Whether tabs around the value of Connection hide an upgrade from `node:http`: from llhttp 9.3 of Node 20 they do, from
 * 9.4 of Node 22 and 24 they do not. Asked of the platform itself, as each line of releases got its parser when it did.
 */
async function hidden(): Promise<boolean> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1', () => client.write(HANDSHAKE))
  client.on('error', () => {})
  try {
    return await new Promise((resolve) => {
      server.once('request', () => resolve(true)).once('upgrade', () => resolve(false))
      server.once('clientError', () => resolve(true))
    })
  } finally {
    client.destroy()
    server.close()
    server.closeAllConnections()
  }
}

export const tabsHideUpgrades: boolean = await hidden()
