import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** What the client has said. */
  said: string
}

/** Stands between clients and a server on 127.0.0.1, so that a test can cut one connection and leave the others. */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  /** Connections that came, whether they still are or not. */
  count = 0

  static async start(port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  private constructor(port: number) {
    this.#server = createServer((client) => {
      this.count++
      const server = connect({ host: '127.0.0.1', port })
      const pair: Pair = { client, server, said: '' }
      this.#pairs.add(pair)
      client.on('data', (chunk: Buffer) => {
        pair.said += chunk.toString('latin1')
        server.write(chunk)
      })
      server.on('data', (chunk: Buffer) => client.write(chunk))
      for (const socket of [client, server]) {
        socket.on('error', () => {})
        socket.once('close', () => this.#end(pair))
      }
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends the connections on which a client has said this. Returns how many those were. */
  cut(word: string): number {
    const found = [...this.#pairs].filter(({ said }) => said.includes(word))
    for (const pair of found) this.#end(pair)
    return found.length
  }

  close(): void {
    this.#server.close()
    for (const pair of this.#pairs) this.#end(pair)
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair)
    pair.client.destroy()
    pair.server.destroy()
  }
}
