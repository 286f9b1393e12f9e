import { tokens, type HandshakeRequest } from '../engine/handshake/request.ts'
import type { ResolvedUpstream } from '../engine/upstream/upstream.ts'
import type { Target } from '../wire/target.ts'

/** RFC 9110 7.6.1: between neighbours. The rest is the handshake's own, or what a proxy of ours has said of the client. */
const NOT_PASSED_ON =
  /^(?:host|connection|upgrade|keep-alive|te|trailer|transfer-encoding|content-length|proxy-.*|sec-websocket-.*|x-sidewire-.*)$/i

/** The headers of a handshake with a backend: the client's, changed as the handler says. A line each. */
export function headersFor(req: HandshakeRequest, upstream: ResolvedUpstream, target: Target): string[] {
  const own = new Map<string, readonly [name: string, value: string | null]>()
  for (const [name, value] of Object.entries(upstream.headers)) own.set(name.toLowerCase(), [name, value])
  const login = loginOf(upstream.url)
  if (login !== undefined && !own.has('authorization')) own.set('authorization', ['Authorization', login])
  const origin = originFor(upstream.origin, target)
  if (origin !== undefined && !own.has('origin')) own.set('origin', ['Origin', origin])
  // What `Connection` names is for us.
  const ours = new Set(tokens(req.headers['connection']).map((name) => name.toLowerCase()))
  const lines: string[] = []
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [req.rawHeaders[i], req.rawHeaders[i + 1]]
    const lower = name.toLowerCase()
    if (!NOT_PASSED_ON.test(name) && !ours.has(lower) && !own.has(lower)) lines.push(`${name}: ${value}`)
  }
  for (const [name, value] of own.values()) if (value !== null) lines.push(`${name}: ${value}`)
  return lines
}

/** `undefined`: whatever the client has sent. */
function originFor(origin: string, { secure, host }: Target): string | undefined {
  if (origin === 'client') return undefined
  return origin === 'target' ? `http${secure ? 's' : ''}://${host}` : origin
}

/** RFC 7617: the `user:password@` of a URL, which a handshake carries as a header. */
function loginOf(text: string): string | undefined {
  const { username, password } = new URL(text.replaceAll(/[{}]/g, ''))
  if (username === '' && password === '') return undefined
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
}
