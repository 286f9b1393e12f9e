import { keysOf } from '../documents/pointer.ts'
import type { Example, Message } from './api.ts'
import type { Node } from './node.ts'
import { asyncApiError } from './error.ts'
import type { Notes } from './notes.ts'
import { Traits } from './traits.ts'

/** Reads each message once, however often it is referred to. */
export class MessageReader {
  readonly #known = new Map<string, Message>()
  readonly #bound = new Map<Message, readonly string[]>()
  readonly #contentType: string
  readonly #isOld: boolean
  readonly #notes: Notes

  /** @param isOld - 2.x */
  constructor(root: Node, isOld: boolean, notes: Notes) {
    this.#contentType = root.text('defaultContentType') ?? 'application/json'
    this.#isOld = isOld
    this.#notes = notes
  }

  /** @param name - what it is called where its own place says nothing */
  read(node: Node, name: string): Message {
    const { target } = node
    const known = this.#known.get(target.uri)
    if (known) return known
    if (typeof target.value !== 'object' || target.value === null || Array.isArray(target.value))
      throw asyncApiError(`${target.where}: this has to be a message, an object with a payload`)
    const traits = new Traits(target, this.#isOld)
    const { payload, format } = this.#payload(target, traits)
    const names = [name, traits.text('messageId'), traits.text('name'), traits.text('title')]
    const message: Message = {
      name: traits.text('name') ?? name,
      names: names.filter((each) => each !== undefined),
      text: [traits.text('summary'), traits.text('description')].join(' '),
      kind: kindOf(traits.text('contentType') ?? this.#contentType, payload),
      foreign: /avro|protobuf|raml/i.exec(format)?.[0].toLowerCase(),
      payload,
      examples: examplesOf(traits),
      correlation: this.#correlation(traits),
      node: target,
    }
    this.#known.set(target.uri, message)
    this.#bound.set(message, traits.bindings)
    return message
  }

  bindingsOf(message: Message): readonly string[] {
    return this.#bound.get(message) ?? []
  }

  #payload(target: Node, traits: Traits): { readonly payload: Node | undefined; readonly format: string } {
    const payload = target.get('payload')
    const inside = payload?.get('schemaFormat') && payload.get('schema')
    const format =
      (inside ? payload?.text('schemaFormat') : traits.text('schemaFormat')) ??
      traits.text('contentType') ??
      ''
    return { payload: inside ?? payload, format }
  }

  #correlation(traits: Traits): readonly string[] | undefined {
    const node = traits.get('correlationId')
    const location = node?.text('location')
    if (node === undefined || location === undefined) return undefined
    const [, where, pointer = ''] = /^\$message\.(payload|header)#(\/.*)$/.exec(location) ?? []
    if (where === 'payload') return keysOf(pointer)
    this.#notes.warn(
      `${node.where}: a correlation id is at "${location}", and messages of a WebSocket have no headers; it is left out`,
    )
    return undefined
  }
}

function examplesOf(traits: Traits): readonly Example[] {
  return (traits.get('examples')?.items() ?? []).flatMap((example) => {
    const payload = example.get('payload')
    return payload ? [{ text: [example.text('name'), example.text('summary')].join(' '), payload }] : []
  })
}

function kindOf(contentType: string, payload: Node | undefined): Message['kind'] {
  if (payload?.text('format') === 'binary' || /octet-stream|^(?:image|audio|video)\//i.test(contentType))
    return 'binary'
  return /^text\/|[/+]xml/i.test(contentType) ? 'text' : 'json'
}
