/** `undefined` stands for any characters. */
export type Token = string | undefined

/**
 * How many characters have to be changed, put in or left out (Levenshtein's distance), where what a wildcard takes is
 * free; something greater than `limit` if there are more.
 */
export function distanceOf(text: string, tokens: readonly Token[], limit: number): number {
  let row = [0]
  for (const [j, token] of tokens.entries()) row.push((row[j] ?? 0) + (token === undefined ? 0 : 1))
  for (const char of text) {
    const next = [(row[0] ?? 0) + 1]
    let best = next[0] ?? 0
    for (const [j, token] of tokens.entries()) {
      const above = row[j + 1] ?? 0
      const left = next[j] ?? 0
      const cost =
        token === undefined
          ? Math.min(above, left)
          : Math.min((row[j] ?? 0) + (token === char ? 0 : 1), above + 1, left + 1)
      next.push(cost)
      best = Math.min(best, cost)
    }
    if (best > limit) return best
    row = next
  }
  return row.at(-1) ?? 0
}

/** For a hint: the name that a misspelled one was most likely meant for; `undefined` if none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const asked = name.toLowerCase()
  let limit = asked.length < 4 ? 1 : Math.max(2, Math.floor(asked.length / 3))
  let nearest: string | undefined
  for (const candidate of known) {
    const distance = distanceOf(asked, Array.from(candidate.toLowerCase()), limit)
    if (distance > limit) continue
    nearest = candidate
    limit = distance - 1
  }
  return nearest
}

/** ` did you mean "x"?`, for the middle of an error; nothing if none is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : ` did you mean "${nearest}"?`
}
