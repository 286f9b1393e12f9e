/** What a part of a message has to be, where a value would say too little. */
export class Condition {
  readonly #holds: (value: unknown, isThere: boolean) => boolean

  /** @param holds - asked about what stands there; `isThere` is false where the message has nothing */
  constructor(holds: (value: unknown, isThere: boolean) => boolean) {
    this.#holds = holds
  }

  takes(value: unknown, isThere: boolean): boolean {
    return this.#holds(value, isThere)
  }
}
