import { didYouMean } from '../engine/edit-distance.ts'
import { SidewireError } from '../engine/errors.ts'
import type { Api, ApiServer, Channel } from './api.ts'
import { asyncApiError } from './error.ts'
import type { Node } from './node.ts'
import type { Notes } from './notes.ts'
import { hintFor } from './spelling.ts'

const WEBSOCKETS = /^wss?\b/
/** Many documents call the protocol of a handshake by the name that it begins with. */
const HTTP = /^https?$/

/** What speaks WebSockets of an API. */
export interface Transport {
  readonly server: ApiServer | undefined
  readonly channels: readonly Channel[]
}

/**
 * @param asked - the name of a server
 * @throws `ERR_ASYNCAPI` where nothing speaks WebSockets, `ERR_OPTION` for a server that is not there
 */
export function transportOf(api: Api, asked: string | undefined, notes: Notes): Transport {
  const { servers } = api
  const server = asked === undefined ? undefined : serverNamed(asked, servers)
  const sockets = servers.filter(({ protocol }) => WEBSOCKETS.test(protocol))
  const isBound = api.channels.some(({ bindings }) => bindings.has('ws'))
  if (sockets.length === 0 && servers.length > 0 && !server) {
    const http = servers.filter(({ protocol }) => HTTP.test(protocol))
    const isPlain = api.channels.some(({ bindings }) => bindings.has('http'))
    if (!isBound && (http.length === 0 || isPlain))
      throw asyncApiError(
        `${(api.root.get('servers') ?? api.root).where}: nothing of "${api.title}" speaks WebSockets: its servers speak ` +
          `${[...new Set(servers.map(({ protocol }) => protocol || 'nothing'))].join(', ')}${isPlain ? ', and it is bound to HTTP' : ''}; ` +
          'give a server the protocol ws or wss, or a channel the binding ws',
      )
    notes.warn(
      `${(api.root.get('servers') ?? api.root).where}: no server has the protocol ws or wss; it is taken for WebSockets`,
    )
  }
  if (server && !WEBSOCKETS.test(server.protocol)) {
    const isPlain = api.channels.some(({ bindings }) => bindings.has('http'))
    const isHandshake = HTTP.test(server.protocol) && !isPlain
    if (!isHandshake && (!isBound || sockets.length > 0))
      throw asyncApiError(
        `${server.node.where}: the server "${server.name}" speaks ${server.protocol || 'nothing'}, and no WebSockets; ` +
          (sockets.length > 0
            ? `ask for ${sockets.map(({ name }) => name).join(' or ')}`
            : 'give it the protocol ws or wss, or a channel the binding ws'),
      )
    notes.warn(
      `${server.node.where}: the server "${server.name}" has not the protocol ws or wss; it is taken for WebSockets`,
    )
  }
  const chosen = server ?? sockets[0] ?? servers.find(({ protocol }) => HTTP.test(protocol)) ?? servers[0]
  // A channel for brokers alone is none of a WebSocket server.
  const names = new Set((sockets.length > 0 ? sockets : servers).map(({ name }) => name))
  const channels = api.channels.filter((channel) => {
    if (channel.servers === undefined || channel.bindings.has('ws')) return true
    const isOurs = channel.servers.some((name) => names.has(name))
    if (!isOurs)
      notes.info(
        `${channel.node.where}: the channel "${channel.id}" is for ${channel.servers.join(', ') || 'no server'}; left out`,
      )
    return isOurs
  })
  if (channels.length === 0)
    throw asyncApiError(
      `${(api.root.get('channels') ?? api.root).where}: "${api.title}" has no channel for WebSockets${hintFor(api.root, 'channels')}; see docs/guide/asyncapi.md`,
    )
  return { server: chosen, channels }
}

function serverNamed(asked: string, servers: readonly ApiServer[]): ApiServer {
  const found = servers.find(({ name }) => name === asked)
  if (found) return found
  const names = servers.map(({ name }) => name)
  const has = names.length === 0 ? 'no servers' : names.join(', ')
  throw new SidewireError(
    'ERR_OPTION',
    `option "server" is "${asked}";${didYouMean(asked, names)} the document has ${has}`,
  )
}

/** Variables have a default, or else the first of their values. */
export function substituted(text: string, variables: Node | undefined): string {
  return text.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = variables?.get(name)
    const first = variable?.get('enum')?.items()[0]?.value
    return variable?.text('default') ?? (typeof first === 'string' ? first : whole)
  })
}

/** `wss://a.example/v1` and `a.example/v1` have the path `/v1`. */
export function pathOfUrl(url: string): string {
  const [, path = ''] = /^(?:[a-z+.-]+:\/\/)?[^/?#]*([^?#]*)/i.exec(url) ?? []
  return path === '/' ? '' : path.replace(/\/$/, '')
}
