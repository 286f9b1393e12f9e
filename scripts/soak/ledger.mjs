// What one connection has to get, by the numbers that the server puts on messages. Every room counts its messages;
// the server tells the count at the moment of a join and of a leave, in line with the messages, so that in between
// each number has to come once and in order. A message to several rooms carries the number of each.

/** What went wrong, of all connections of a process. */
export function createTally() {
  return {
    lost: 0,
    duplicated: 0,
    disordered: 0,
    strayed: 0,
    corrupted: 0,
    dropped: 0,
    delivered: 0,
    sent: 0,
  }
}

export class Ledger {
  #tally
  /** By room: the last number, and those below it that are missing. */
  #rooms = new Map()

  constructor(tally) {
    this.#tally = tally
  }

  get rooms() {
    return [...this.#rooms.keys()]
  }

  /** @param head - the room's number when the connection became a member */
  joined(room, head) {
    if (!this.#rooms.has(room)) this.#rooms.set(room, { last: head, missing: new Set() })
  }

  /** @param head - the room's number when the connection left: everything up to it has to be here. */
  left(room, head) {
    this.settled({ [room]: head })
    this.#rooms.delete(room)
  }

  /** A message to the union of these rooms: `{ room: number }`. The rooms that the connection is not in are none of its business. */
  received(numbers) {
    let mine = 0
    for (const [room, number] of Object.entries(numbers)) {
      const state = this.#rooms.get(room)
      if (!state) continue
      mine++
      this.#count(state, number)
    }
    if (mine === 0) this.#tally.strayed++
  }

  /** A message of its own that it was to be spared: counted, as the others got it. */
  spared(numbers) {
    for (const [room, number] of Object.entries(numbers)) {
      const state = this.#rooms.get(room)
      if (state) this.#count(state, number)
    }
  }

  /** Nothing is under way any more: what is missing is lost. */
  settled(heads) {
    for (const [room, head] of Object.entries(heads)) {
      const state = this.#rooms.get(room)
      if (!state) continue
      this.#tally.lost += state.missing.size + Math.max(0, head - state.last)
      if (head < state.last) this.#tally.strayed += state.last - head
      state.missing.clear()
      state.last = head
    }
  }

  #count(state, number) {
    if (number === state.last + 1) state.last = number
    else if (number > state.last) {
      for (let missing = state.last + 1; missing < number; missing++) state.missing.add(missing)
      state.last = number
    } else if (state.missing.delete(number)) this.#tally.disordered++
    else this.#tally.duplicated++
  }
}
