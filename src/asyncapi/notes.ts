/** What is said about a document. */
export interface Note {
  /** `warn`: something in it is odd, or not done. */
  readonly level: 'info' | 'warn'
  readonly text: string
}

/** What there is to say about a document, each of it once. */
export class Notes {
  readonly #notes = new Map<string, Note>()

  info(text: string): void {
    this.#notes.set(text, { level: 'info', text })
  }

  warn(text: string): void {
    this.#notes.set(text, { level: 'warn', text })
  }

  get all(): readonly Note[] {
    return [...this.#notes.values()]
  }
}
