// The rooms of /api/union, the same on every server.
export const ROOMS = ['a', 'b']

/** A function that says which rooms the next connection joins: every third one both, the others one of the two. */
export function roomsInTurn() {
  let count = 0
  return () => {
    count++
    if (count % 3 === 0) return ROOMS
    return [count % 2 === 0 ? 'b' : 'a']
  }
}
