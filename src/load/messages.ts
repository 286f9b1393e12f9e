import { draw } from './draw.ts'
import { MessageTemplate } from './message-template.ts'
import type { LoadOptions } from './options.ts'

/** What the messages of a run look like, each by its connection and its number: the same for the same seed. */
export class Messages {
  /** Of all of them, or of the smallest. */
  readonly template: MessageTemplate
  readonly #text: string
  readonly #min: number
  /** Sizes that there are besides the smallest. */
  readonly #more: number
  readonly #seed: number
  readonly #templates = new Map<number, MessageTemplate>()

  /** @throws `ERR_OPTION` */
  constructor({ message, size, maxSize, seed }: Pick<LoadOptions, 'message' | 'size' | 'maxSize' | 'seed'>) {
    this.template = new MessageTemplate(message, size)
    this.#text = message
    this.#min = size ?? 0
    this.#more = maxSize === undefined ? 0 : maxSize - this.#min
    this.#seed = seed
    // A message that cannot be filled up is told here, and not in the midst of the run.
    if (maxSize !== undefined) this.#ofSize(maxSize)
  }

  /** Messages are of different sizes. */
  get isVaried(): boolean {
    return this.#more > 0
  }

  of(connection: number, number: number): MessageTemplate {
    if (this.#more === 0) return this.template
    return this.#ofSize(this.#min + (draw(this.#seed, connection, number) % (this.#more + 1)))
  }

  #ofSize(size: number): MessageTemplate {
    let template = this.#templates.get(size)
    if (!template) this.#templates.set(size, (template = new MessageTemplate(this.#text, size)))
    return template
  }
}
