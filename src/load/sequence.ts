/** What went wrong with messages, in all. */
export interface Faults {
  /** Never came. */
  lost: number
  /** Came again. */
  duplicated: number
  /** Came after a message that was sent later. */
  outOfOrder: number
  /** Never sent like this: a number or a connection that does not exist. */
  unexpected: number
}

export function createFaults(): Faults {
  return { lost: 0, duplicated: 0, outOfOrder: 0, unexpected: 0 }
}

/** How long a list of missing messages may grow; past it they are only counted. */
const MAX_MISSING = 100_000

/** The numbered messages of one sender, as one receiver gets them. */
export class Sequence {
  /** The number that is due. */
  next: number
  readonly #faults: Faults
  /** Numbers that were passed over, the oldest first. */
  #missing: Set<number> | undefined

  constructor(faults: Faults, next = 0) {
    this.#faults = faults
    this.next = next
  }

  /**
   * Takes note of a message.
   * @param sent - how many were sent: no number can be as high
   * @returns whether it came for the first time
   */
  accept(number: number, sent: number): boolean {
    if (number === this.next && number < sent) {
      this.next++
      return true
    }
    if (number >= sent) {
      this.#faults.unexpected++
      return false
    }
    if (number > this.next) {
      for (let skipped = this.next; skipped < number; skipped++) this.#miss(skipped)
      this.next = number + 1
      return true
    }
    if (this.#missing?.delete(number)) {
      this.#faults.lost--
      this.#faults.outOfOrder++
      return true
    }
    this.#faults.duplicated++
    return false
  }

  /** Nothing comes any more: what was sent and is not here is lost. */
  end(sent: number): void {
    if (sent <= this.next) return
    this.#faults.lost += sent - this.next
    this.next = sent
  }

  /** The message that is due is given up; if it comes after all, it was out of order. */
  giveUp(): void {
    this.#miss(this.next)
    this.next++
  }

  #miss(number: number): void {
    this.#faults.lost++
    this.#missing ??= new Set()
    if (this.#missing.size < MAX_MISSING) this.#missing.add(number)
  }
}
