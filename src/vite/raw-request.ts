import type { IncomingMessage } from 'node:http'
import type { RawRequest } from '../engine/runtime.ts'
import { isEncrypted } from './plain-request.ts'

/** What a middleware of `connect` gets, as far as it is needed. */
export type Request = IncomingMessage & { readonly originalUrl?: string | undefined }

/** With Vite's base, which its own middlewares take off. */
export function urlOf({ originalUrl, url = '/' }: Request): string {
  return originalUrl ?? url
}

/** As a runtime of ours would have seen it. */
export function rawOf(request: Request): RawRequest {
  const { method = '', httpVersion, socket } = request
  return {
    method,
    url: urlOf(request),
    httpVersion,
    rawHeaders: headersOf(request),
    remoteAddress: socket.remoteAddress ?? '',
    remotePort: socket.remotePort,
    encrypted: isEncrypted(socket),
  }
}

/** HTTP/2 has what is no field among them (RFC 9113 8.3.1), and the host there. */
function headersOf({ rawHeaders }: Request): string[] {
  if (!rawHeaders.some((name, i) => i % 2 === 0 && name.startsWith(':'))) return rawHeaders
  const fields: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    if (name === ':authority') fields.push('host', value)
    else if (!name.startsWith(':')) fields.push(name, value)
  }
  return fields
}
