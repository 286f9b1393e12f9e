import { asyncApiError } from './error.ts'
import type { Api, Channel, Operation } from './api.ts'
import { isGreeting } from './greeting.ts'

/** Whom a document describes. */
export type Side = 'server' | 'client'

export interface Perspective {
  readonly side: Side
  /** What decided it. */
  readonly reason: string
}

/**
 * A document is written from the side of the server or of the client, and nothing in it has to say which: "send" is what the described
 * application does. What tells the two apart comes here, the surest first.
 * @param channels - those that speak WebSockets
 */
export function perspectiveOf(api: Api, channels: readonly Channel[]): Perspective {
  const operations = api.operations.filter(({ channel }) => channels.includes(channel))
  return (
    bySaying(api) ??
    byTitle(api) ??
    bySender(operations) ??
    byGreeting(operations) ??
    byNames(operations) ??
    byReplies(operations) ??
    byWords(api, operations) ??
    bySilence(operations) ?? { side: 'server', reason: 'nothing in the document says otherwise' }
  )
}

const MARK = 'x-sidewire-perspective'

function bySaying({ root }: Api): Perspective | undefined {
  const node = root.get(MARK) ?? root.get('info')?.get(MARK)
  if (!node) return undefined
  const { value } = node
  if (value !== 'server' && value !== 'client')
    throw asyncApiError(`${node.where}: ${MARK} has to be "server" or "client"`)
  return { side: value, reason: `${MARK} says so` }
}

const CLIENT = /\bclients?\b|\bfrontend\b/i
const SERVER = /\bservers?\b|\bbackend\b/i

/** One of the two, and not the other. */
function sideIn(text: string): Side | undefined {
  const [client, server] = [CLIENT.test(text), SERVER.test(text)]
  if (client === server) return undefined
  return client ? 'client' : 'server'
}

const other = (side: Side): Side => (side === 'server' ? 'client' : 'server')
/** Whose document it is, if the server is who sends such a message. */
const sideOfSender = (action: Operation['action']): Side => (action === 'send' ? 'server' : 'client')

function byTitle({ title }: Api): Perspective | undefined {
  const side = sideIn(title)
  return side && { side, reason: `its title is "${title}"` }
}

/** "Messages sent from the client", "server messages", "client to server". */
const SENDER =
  /\b(?:from|by) (?:the |a )?(client|server)\b|\b(client|server)s? (?:messages?|events?)\b|\b(client|server) (?:=>|->|to) /i

/** Who sends, as an operation says it for people. */
function bySender(operations: readonly Operation[]): Perspective | undefined {
  for (const { id, action, node } of operations) {
    const text = node.text('summary') ?? node.text('description') ?? ''
    const found = SENDER.exec(text)
    const sender = (found?.[1] ?? found?.[2] ?? found?.[3])?.toLowerCase()
    if (sender === undefined) continue
    const side = sideOfSender(action)
    return {
      side: sender === 'server' ? side : other(side),
      reason: `its operation "${id}" ${action}s what it calls "${text.trim().split('\n', 1)[0]}"`,
    }
  }
  return undefined
}

/** It is the server that greets. */
function byGreeting(operations: readonly Operation[]): Perspective | undefined {
  for (const { action, messages } of operations) {
    const greeting = messages.find((message) => isGreeting(message))
    if (greeting)
      return {
        side: sideOfSender(action),
        reason: `it ${action}s "${greeting.name}", with which a server greets`,
      }
  }
  return undefined
}

const OF_A_CLIENT = /(?:request|command|query)$|^(?:un)?subscribe$|^ping$|^(?:log|sign)[ _-]?in$|^join$/i
const OF_A_SERVER =
  /(?:response|reply|result|update|event|notification|data|status)$|^pong$|^ack(?:nowledge)?$|^error$/i

/** Requests come from clients, and what servers send is called an update or a response. */
function byNames(operations: readonly Operation[]): Perspective | undefined {
  const votes = operations.flatMap(({ action, messages }) =>
    messages.flatMap(({ name, names }) => {
      const asks = names.some((each) => OF_A_CLIENT.test(each))
      const tells = names.some((each) => OF_A_SERVER.test(each))
      if (asks === tells) return []
      const side = sideOfSender(action)
      return [{ name, action, side: asks ? other(side) : side }]
    }),
  )
  const ofServer = votes.filter(({ side }) => side === 'server')
  const ofClient = votes.filter(({ side }) => side === 'client')
  if (ofServer.length === ofClient.length) return undefined
  const [first] = ofServer.length > ofClient.length ? ofServer : ofClient
  return first && { side: first.side, reason: `it ${first.action}s "${first.name}"` }
}

/** Who asks is mostly the client. */
function byReplies(operations: readonly Operation[]): Perspective | undefined {
  const asking = operations.filter(({ reply }) => reply !== undefined)
  const [first] = asking
  if (!first || asking.some(({ action }) => action !== first.action)) return undefined
  return {
    side: other(sideOfSender(first.action)),
    reason: `its operation "${first.id}" ${first.action === 'receive' ? 'receives' : 'sends'} a message that has a reply`,
  }
}

const HANDLES = /^(?:on[A-Z_-]|consume|listen)/

function byWords(api: Api, operations: readonly Operation[]): Perspective | undefined {
  const said = sideIn(api.root.get('info')?.text('description') ?? '')
  if (said) return { side: said, reason: `its description speaks of a ${said}` }
  for (const { id, action } of operations) {
    if (action === 'receive' && HANDLES.test(id))
      return { side: 'client', reason: `its operation "${id}" is about what comes` }
  }
  return undefined
}

/** A server that only listens would be a mock that says nothing. */
function bySilence(operations: readonly Operation[]): Perspective | undefined {
  const [first] = operations
  if (!first || operations.some(({ action }) => action !== first.action)) return undefined
  return {
    side: sideOfSender(first.action),
    reason: `all that it does is ${first.action}, and a mock has to have something to send`,
  }
}
