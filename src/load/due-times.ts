/** When each message under way was due, by its number. A ring, enlarged when more are under way than it holds. */
export class DueTimes {
  #times: Float64Array
  #mask: number

  /** @param capacity - how many messages are expected to be under way */
  constructor(capacity: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(capacity * 2, 16)))
    this.#times = new Float64Array(size)
    this.#mask = size - 1
  }

  /** @param underWay - messages that were sent before and not answered yet */
  set(number: number, time: number, underWay: number): void {
    if (underWay > this.#mask) this.#enlarge(number)
    this.#times[number & this.#mask] = time
  }

  /** Of a message that is under way, or was not long ago; `sent` is how many were sent. */
  get(number: number, sent: number): number | undefined {
    return sent - number > this.#mask + 1 ? undefined : this.#times[number & this.#mask]
  }

  #enlarge(next: number): void {
    const { length } = this.#times
    const larger = new Float64Array(length * 2)
    const mask = larger.length - 1
    for (let number = next - length; number < next; number++)
      larger[number & mask] = this.#times[number & this.#mask] as number // masked: inside of the ring
    this.#times = larger
    this.#mask = mask
  }
}
