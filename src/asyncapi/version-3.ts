import type { Api, ApiServer, Channel, Message, Operation } from './api.ts'
import { asyncApiError } from './error.ts'
import { MessageReader } from './message-reader.ts'
import type { Node } from './node.ts'
import type { Notes } from './notes.ts'
import { hintFor } from './spelling.ts'
import { substituted } from './servers.ts'
import { Traits } from './traits.ts'

export function readVersion3(root: Node, notes: Notes): Api {
  const reader = new MessageReader(root, false, notes)
  const servers = (root.get('servers')?.entries() ?? []).map(([name, node]) => serverOf(name, node))
  const nodes = (root.get('operations')?.entries() ?? []).map(([id, node]) => ({
    id,
    node: node.target,
    channel: node.get('channel')?.target.uri,
  }))
  const channels = new Map(
    (root.get('channels')?.entries() ?? []).map(([id, node]) => {
      const own = nodes.filter(({ channel }) => channel === node.target.uri)
      return [
        node.target.uri,
        channelOf(
          id,
          node,
          own.map((each) => each.node),
          servers,
          reader,
        ),
      ]
    }),
  )
  /** Those of an operation or a reply; without a list, all of its channel. */
  const messagesOf = (node: Node, channel: Channel | undefined): readonly Message[] =>
    node
      .get('messages')
      ?.items()
      .map((each) => reader.read(each, each.target.key)) ??
    channel?.messages ??
    []
  const operations = nodes.map(({ id, node, channel: uri }): Operation => {
    const action = node.text('action')
    if (action !== 'send' && action !== 'receive')
      throw asyncApiError(
        `${(node.get('action') ?? node).where}: an operation has to have the action "send" or "receive"${hintFor(node, 'action')}`,
      )
    const channel = channels.get(uri ?? '')
    if (!channel)
      throw asyncApiError(
        `${(node.get('channel') ?? node).where}: an operation has to refer to a channel of this document: { $ref: '#/channels/...' }`,
      )
    const traits = new Traits(node, false)
    const reply = traits.get('reply')
    return {
      id,
      action,
      channel,
      messages: messagesOf(node, channel),
      reply: reply && messagesOf(reply, channels.get(reply.get('channel')?.target.uri ?? '')),
      node,
    }
  })
  return {
    root,
    title: root.get('info')?.text('title') ?? '',
    servers,
    channels: [...channels.values()],
    operations,
  }
}

function channelOf(
  id: string,
  node: Node,
  operations: readonly Node[],
  servers: readonly ApiServer[],
  reader: MessageReader,
): Channel {
  const messages = (node.get('messages')?.entries() ?? []).map(([name, each]) => reader.read(each, name))
  const uris = node
    .get('servers')
    ?.items()
    .map(({ target }) => target.uri)
  return {
    id,
    address: node.text('address'),
    servers:
      uris && servers.filter((server) => uris.includes(server.node.target.uri)).map(({ name }) => name),
    parameters: new Map(
      (node.get('parameters')?.entries() ?? []).map(([name, parameter]) => [
        name,
        {
          values: parameter
            .get('enum')
            ?.items()
            .map(({ value }) => String(value)),
          schema: undefined,
        },
      ]),
    ),
    query: node.get('bindings')?.get('ws')?.get('query'),
    bindings: new Set([
      ...(node.get('bindings')?.entries() ?? []).map(([name]) => name),
      ...operations.flatMap((operation) => new Traits(operation, false).bindings),
      ...messages.flatMap((message) => reader.bindingsOf(message)),
    ]),
    messages,
    node,
  }
}

function serverOf(name: string, node: Node): ApiServer {
  const pathname = substituted(node.text('pathname') ?? '', node.get('variables'))
  return {
    name,
    protocol: (node.text('protocol') ?? '').toLowerCase(),
    pathname: pathname === '/' ? '' : pathname.replace(/^(?!\/|$)/, '/'),
    node,
  }
}
