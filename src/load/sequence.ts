/** What went wrong with messages, in all. */
export interface Faults {
  /** Never came. */
  lost: number
  /** Came again. */
  duplicated: number
  /** Came after a message that was sent later. */
  outOfOrder: number
  /** Came after all, but later than `--timeout` after it was due. */
  late: number
  /** Of another connection of this run: the server broadcasts, or mixes connections up. */
  misdirected: number
  /** Of a number or a connection that does not exist. */
  unexpected: number
  /** Other than what was recorded in its place. */
  mismatched: number
}

export function createFaults(): Faults {
  return { lost: 0, duplicated: 0, outOfOrder: 0, late: 0, misdirected: 0, unexpected: 0, mismatched: 0 }
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
  /** Those of them that nobody waits for any more. */
  #givenUp: Set<number> | undefined

  constructor(faults: Faults, next = 0) {
    this.#faults = faults
    this.next = next
  }

  /**
   * Takes note of a message.
   * @param sent - how many were sent: no number can be as high
   * @param isLate - it took longer than the timeout
   * @returns whether it came for the first time
   */
  accept(number: number, sent: number, isLate: boolean): boolean {
    if (number === this.next && number < sent) {
      this.next++
      if (isLate) this.#faults.late++
      return true
    }
    if (number >= sent) {
      this.#faults.unexpected++
      return false
    }
    if (number > this.next) {
      for (let skipped = this.next; skipped < number; skipped++) this.#miss(skipped)
      this.next = number + 1
      if (isLate) this.#faults.late++
      return true
    }
    if (this.#missing?.delete(number)) {
      this.#faults.lost--
      // Who is late is passed by those that were sent once nobody waited for it any more: that is no wrong order.
      if (this.#givenUp?.delete(number) || isLate) this.#faults.late++
      else this.#faults.outOfOrder++
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

  /** The message that is due is given up; if it comes after all, it is late. */
  giveUp(): void {
    this.#miss(this.next)
    this.#givenUp ??= new Set()
    if (this.#missing?.has(this.next)) this.#givenUp.add(this.next)
    this.next++
  }

  #miss(number: number): void {
    this.#faults.lost++
    this.#missing ??= new Set()
    if (this.#missing.size < MAX_MISSING) this.#missing.add(number)
  }
}
