/** What is said about a document. */
export interface Note {
  /** `warn`: something in it is odd, or not done. */
  readonly level: 'info' | 'warn'
  readonly text: string
}

/** What there is to say about a document, each of it once. */
export class Notes {
  readonly #notes = new Map<string, Note>()
  #late: ((note: Note) => void) | undefined

  info(text: string): void {
    this.#add({ level: 'info', text })
  }

  warn(text: string): void {
    this.#add({ level: 'warn', text })
  }

  /** Those that there are have been read: who is told of the others. */
  handOver(late: (note: Note) => void): void {
    this.#late = late
  }

  #add(note: Note): void {
    if (this.#notes.has(note.text)) return
    this.#notes.set(note.text, note)
    this.#late?.(note)
  }

  get all(): readonly Note[] {
    return [...this.#notes.values()]
  }
}
