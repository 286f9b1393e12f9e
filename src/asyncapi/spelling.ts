import { nearestName } from '../engine/edit-distance.ts'
import type { Node } from './node.ts'
import type { Notes } from './notes.ts'

type Kind = 'document' | 'info' | 'server' | 'channel' | 'operation' | 'message' | 'parameter' | 'reply'

const words = (text: string): readonly string[] => text.split(' ')
const COMMON = 'title summary description tags externalDocs bindings'

/** The keys of the specification, of 2.x and 3.x alike: which of the two has one is another matter. */
const KEYS: Readonly<Record<Kind, readonly string[]>> = {
  document: words(
    'asyncapi id info servers defaultContentType channels operations components tags externalDocs',
  ),
  info: words('title version description termsOfService contact license tags externalDocs'),
  server: words(`host pathname url protocol protocolVersion variables security ${COMMON}`),
  channel: words(`address messages parameters servers publish subscribe deprecated $ref ${COMMON}`),
  operation: words(`action channel messages message reply traits security operationId ${COMMON}`),
  message: words(
    `contentType headers payload correlationId name deprecated examples traits schemaFormat messageId oneOf $ref ${COMMON}`,
  ),
  parameter: words('description enum default examples location schema'),
  reply: words('address channel messages'),
}

/** Warns of keys that are near to one of the specification, and would be left out in silence; and of what has to be there. */
export function checkSpelling(root: Node, notes: Notes): void {
  const look = (node: Node | undefined, kind: Kind): void => {
    if (!node) return
    for (const [key, nearest, at] of misspelled(node, kind))
      notes.warn(
        `${at.where}: "${key}" is no key of ${ARTICLES[kind]}, and is left out; did you mean "${nearest}"?`,
      )
  }
  const each = (node: Node | undefined, kind: Kind): void => {
    for (const [, member] of node?.entries() ?? []) look(member, kind)
  }
  look(root, 'document')
  look(root.get('info'), 'info')
  if (!root.get('info'))
    notes.warn(
      `${root.where}: "info" is missing, which a document has to have: info: { title: ..., version: 1.0.0 }`,
    )
  each(root.get('servers'), 'server')
  const channels = [root.get('channels'), root.get('components')?.get('channels')]
  for (const [, channel] of channels.flatMap((node) => node?.entries() ?? [])) {
    look(channel, 'channel')
    each(channel.get('messages'), 'message')
    each(channel.get('parameters'), 'parameter')
    for (const verb of ['publish', 'subscribe']) {
      const operation = channel.get(verb)
      look(operation, 'operation')
      const message = operation?.get('message')
      look(message, 'message')
      for (const choice of message?.get('oneOf')?.items() ?? []) look(choice, 'message')
    }
  }
  for (const [, operation] of root.get('operations')?.entries() ?? []) {
    look(operation, 'operation')
    look(operation.get('reply'), 'reply')
  }
  each(root.get('components')?.get('messages'), 'message')
}

const ARTICLES: Readonly<Record<Kind, string>> = {
  document: 'an AsyncAPI document',
  info: 'info',
  server: 'a server',
  channel: 'a channel',
  operation: 'an operation',
  message: 'a message',
  parameter: 'a parameter',
  reply: 'a reply',
}

function misspelled(node: Node, kind: Kind): readonly (readonly [key: string, nearest: string, at: Node])[] {
  const { target } = node
  const taken = target.entries().map(([key]) => key)
  return target.entries().flatMap(([key, at]) => {
    if (/^x-/i.test(key) || KEYS[kind].includes(key)) return []
    // What is there already is not what is meant.
    const nearest = nearestName(
      key,
      KEYS[kind].filter((known) => !taken.includes(known)),
    )
    return nearest === undefined ? [] : [[key, nearest, at] as const]
  })
}

/** `; did you mean "channels", where "chanels" stands?`, for an error of what is missing; nothing where nothing is near. */
export function hintFor(node: Node, wanted: 'channels' | 'action'): string {
  const kind = wanted === 'channels' ? 'document' : 'operation'
  const found = misspelled(node, kind).find(([, nearest]) => nearest === wanted)
  return found ? `; did you mean "${wanted}", where "${found[0]}" stands?` : ''
}
