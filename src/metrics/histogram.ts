/** Upper bounds, in seconds: those of Centrifuge, from what takes no time to what a user has given up on. */
export const BUCKETS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** How often something took how long. */
export class Histogram {
  readonly #counts: number[] = Array.from({ length: BUCKETS.length + 1 }, () => 0)
  #sum = 0

  observe(seconds: number): void {
    let bucket = 0
    while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] as number)) bucket++ // bucket < length
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1 // one more than BUCKETS
    this.#sum += seconds
  }

  /** As a sample has it; a copy. */
  get state(): { readonly counts: readonly number[]; readonly sum: number } {
    return { counts: [...this.#counts], sum: this.#sum }
  }
}
