import { WebSocket } from 'ws'
import { Queue, within } from '../support/client.ts'

/** Connects to Vite's own socket as a page does: its address is in Vite's client. Resolves with its first message. */
export async function connectHmr(port: number, clientPath: string): Promise<unknown> {
  const answer = await fetch(`http://localhost:${port}${clientPath}`)
  const source = await answer.text()
  const read = (expression: RegExp): string => {
    const found = expression.exec(source)?.[1]
    if (found === undefined) throw new Error(`${clientPath} has no ${expression}: ${answer.status} ${source}`)
    return found
  }
  const own = read(/const hmrPort = (\w+)/)
  const base = read(/const socketHost = .*\$\{"(.*)"\}`/)
  const token = read(/const wsToken = "(.*)"/)
  const socket = new WebSocket(
    `ws://localhost:${own === 'null' ? port : own}${base}?token=${token}`,
    'vite-hmr',
  )
  const messages = new Queue<unknown>('message of Vite')
  socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())))
  const failed = new Promise<never>((_resolve, reject) => void socket.on('error', reject))
  try {
    return await within(Promise.race([messages.next(), failed]), "no answer of Vite's socket")
  } finally {
    socket.terminate()
  }
}
