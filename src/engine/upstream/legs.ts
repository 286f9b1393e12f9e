/** A connection to a backend, as the server's end knows it. */
interface Leg {
  /** The server goes away. */
  goAway(): void
  /** Now. */
  terminate(): void
}

/** All connections to backends that are open. */
export class Legs {
  readonly #legs = new Set<Leg>()
  #whenEmpty: (() => void)[] = []

  get size(): number {
    return this.#legs.size
  }

  add(leg: Leg): void {
    this.#legs.add(leg)
  }

  remove(leg: Leg): void {
    if (this.#legs.delete(leg) && this.#legs.size === 0)
      for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  /** Closes all of them. Resolves when they are gone. */
  async goAway(): Promise<void> {
    for (const leg of [...this.#legs]) leg.goAway()
    if (this.#legs.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve))
  }

  terminate(): void {
    for (const leg of [...this.#legs]) leg.terminate()
  }
}
