import type { Channel, Message, Operation } from './api.ts'
import type { Side } from './perspective.ts'

/** What is said on some channels, from the side of the server. */
export interface Talk {
  readonly incoming: readonly Message[]
  readonly outgoing: readonly Message[]
  /** What may answer a message of a client. */
  readonly replies: ReadonlyMap<Message, readonly Message[]>
  /** What answers nothing. */
  readonly pushes: readonly Message[]
}

export function talkOf(all: readonly Operation[], channels: readonly Channel[], side: Side): Talk {
  const operations = all.filter(({ channel }) => channels.includes(channel))
  const { incoming, outgoing } = directionsOf(operations, side)
  const sent = unique(outgoing.flatMap(({ messages }) => messages))
  const replies = new Map<Message, readonly Message[]>()
  for (const { messages, reply = [], channel } of incoming)
    for (const message of messages) {
      const pair = reply.length > 0 ? reply : pairOf(message, channel, sent)
      if (pair.length > 0) replies.set(message, unique([...(replies.get(message) ?? []), ...pair]))
    }
  const answers = new Set([...replies.values()].flat())
  return {
    // A message of the server may be acknowledged.
    incoming: unique([
      ...incoming.flatMap(({ messages }) => messages),
      ...outgoing.flatMap(({ reply = [] }) => reply),
    ]),
    outgoing: unique([...sent, ...answers]),
    replies,
    pushes: sent.filter((message) => !answers.has(message)),
  }
}

const REQUEST = /[ _-]?request$/i
const RESPONSE = /[ _-]?(?:response|reply|result)$/i

/** Many documents have requests and responses, and do not say which belong together: their names do. */
function pairOf(message: Message, channel: Channel, sent: readonly Message[]): readonly Message[] {
  const stem = (name: string, ending: RegExp): string => name.replace(ending, '').toLowerCase()
  const stems = message.names.filter((name) => REQUEST.test(name)).map((name) => stem(name, REQUEST))
  const isPing = message.names.some((name) => /^ping(?:[ _-]?request)?$/i.test(name))
  const isAnswer = ({ names }: Message): boolean =>
    names.some(
      (name) =>
        (RESPONSE.test(name) && stems.includes(stem(name, RESPONSE))) ||
        (isPing && /^pong(?:[ _-]?response)?$/i.test(name)),
    )
  const near = channel.messages.filter((each) => sent.includes(each) && isAnswer(each))
  return near.length > 0 ? near : sent.filter(isAnswer)
}

/** What clients send, and what they get. */
interface Directions {
  readonly incoming: readonly Operation[]
  readonly outgoing: readonly Operation[]
}

function directionsOf(operations: readonly Operation[], side: Side): Directions {
  const ofServer = (action: Operation['action']): boolean => (side === 'server') === (action === 'send')
  return {
    incoming: operations.filter(({ action }) => !ofServer(action)),
    outgoing: operations.filter(({ action }) => ofServer(action)),
  }
}

function unique(messages: Iterable<Message>): readonly Message[] {
  return [...new Set(messages)]
}
