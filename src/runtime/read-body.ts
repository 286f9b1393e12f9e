import type { IncomingMessage } from 'node:http'
import type { ReadBody } from '../engine/runtime.ts'

/** The body of a request to a server of Node's. */
export function readBody(request: IncomingMessage): ReadBody {
  return (maxBytes) =>
    new Promise((resolve) => {
      const chunks: Buffer[] = []
      let bytes = 0
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes <= maxBytes) chunks.push(chunk)
        else resolve(undefined)
      })
      request.on('end', () => resolve(bytes <= maxBytes ? Buffer.concat(chunks) : undefined))
      request.on('close', () => resolve(undefined))
    })
}
