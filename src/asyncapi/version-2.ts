import type { Api, ApiServer, Channel, Message, Operation } from './api.ts'
import { MessageReader } from './message-reader.ts'
import type { Node } from './node.ts'
import type { Notes } from './notes.ts'
import { pathOfUrl, substituted } from './servers.ts'
import { Traits } from './traits.ts'

/** 2.x: operations stand in their channels, and `publish` is what others may send to the application. */
const ACTIONS = { publish: 'receive', subscribe: 'send' } as const

export function readVersion2(root: Node, notes: Notes): Api {
  const reader = new MessageReader(root, true, notes)
  const operations: Operation[] = []
  const channels = (root.get('channels')?.entries() ?? []).map(([address, node]): Channel => {
    const parts = (['publish', 'subscribe'] as const).flatMap((verb) => {
      const operation = node.get(verb)
      return operation
        ? [{ verb, traits: new Traits(operation, true), messages: messagesOf(operation, address, reader) }]
        : []
    })
    const messages = [...new Set(parts.flatMap((part) => part.messages))]
    const channel: Channel = {
      id: address,
      address,
      servers: node
        .get('servers')
        ?.items()
        .map(({ value }) => String(value)),
      parameters: new Map(
        (node.get('parameters')?.entries() ?? []).map(([name, parameter]) => [
          name,
          { values: textsOf(parameter.get('schema')?.get('enum')), schema: parameter.get('schema') },
        ]),
      ),
      query: node.get('bindings')?.get('ws')?.get('query'),
      bindings: new Set([
        ...(node.get('bindings')?.entries() ?? []).map(([name]) => name),
        ...parts.flatMap(({ traits }) => traits.bindings),
        ...messages.flatMap((message) => reader.bindingsOf(message)),
      ]),
      messages,
      node,
    }
    for (const part of parts)
      operations.push({
        id: part.traits.text('operationId') ?? `${address} ${part.verb}`,
        action: ACTIONS[part.verb],
        channel,
        messages: part.messages,
        reply: undefined,
        node: part.traits.node,
      })
    return channel
  })
  return {
    root,
    title: root.get('info')?.text('title') ?? '',
    servers: (root.get('servers')?.entries() ?? []).map(([name, node]) => serverOf(name, node)),
    channels,
    operations,
  }
}

function serverOf(name: string, node: Node): ApiServer {
  const url = substituted(node.text('url') ?? '', node.get('variables'))
  return { name, protocol: (node.text('protocol') ?? '').toLowerCase(), pathname: pathOfUrl(url), node }
}

function textsOf(list: Node | undefined): readonly string[] | undefined {
  return list?.items().map(({ value }) => String(value))
}

function messagesOf(operation: Node, address: string, reader: MessageReader): readonly Message[] {
  const message = operation.get('message')
  if (!message) return []
  const choices = message.get('oneOf')?.items()
  return (choices ?? [message]).map((each) => reader.read(each, nameOf(each, operation, address)))
}

/** One that stands in `components` is called by its key there. */
function nameOf(message: Node, operation: Node, address: string): string {
  const { target } = message
  if (/\/components\/messages\/[^/]+$/.test(target.pointer)) return target.key
  return (
    target.text('messageId') ??
    target.text('name') ??
    target.text('title') ??
    operation.text('operationId') ??
    address
  )
}
