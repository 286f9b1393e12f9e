/** Longer paths are nobody's misspelling, and would cost a server more than a hint is worth. */
const MAX_PATH = 256
/** How much of a pattern's own text may be misspelled. */
const TOLERANCE = 1 / 3
const MIN_TOLERANCE = 2
/** What a segment that is missing in front, or too many there, counts: less than its letters. */
const SEGMENT = 1

/** `undefined` stands for any characters. */
type Token = string | undefined

/**
 * For a hint: the handler that a path which none matches was most likely meant for, as prefix and pattern
 * (`/api/ws/chat/{room}`); `undefined` if none is near. Forgives misspellings, upper case, doubled slashes, and a prefix
 * that is missing, another one, or none of ours.
 */
export function nearestHandler(
  path: string,
  prefixes: readonly string[],
  patterns: readonly string[],
): string | undefined {
  if (path.length > MAX_PATH) return undefined
  const asked = simplify(path)
  const shorter = asked.replace(/^\/[^/]*(?=\/.)/, '')
  let nearest: string | undefined
  let least = Infinity
  for (const pattern of patterns) {
    const source = pattern.startsWith('/') ? pattern : `/${pattern}`
    const own = tokensOf(source)
    const limit = Math.max(MIN_TOLERANCE, Math.floor(literals(own) * TOLERANCE))
    const consider = (text: string, tokens: readonly Token[], penalty: number, prefix: string): void => {
      const most = Math.min(limit, least - 1) - penalty
      if (most < 0) return
      const distance = distanceOf(text, tokens, most)
      if (distance > most) return
      least = distance + penalty
      nearest = prefix + source
    }
    for (const prefix of prefixes) consider(asked, [...tokensOf(prefix), ...own], 0, prefix)
    const [prefix = ''] = prefixes
    if (prefix !== '') consider(asked, own, SEGMENT, prefix)
    if (shorter !== asked) consider(shorter, own, 2 * SEGMENT, prefix)
  }
  return nearest
}

/** What a handshake is told that no handler matches. */
export function noHandler(nearest: string | undefined): string {
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
  return `No WebSocket handler matches this path${hint}`
}

function simplify(path: string): string {
  let text = path
  try {
    text = decodeURIComponent(path)
  } catch {
    // A broken escape is compared as it stands.
  }
  return text.replace(/\/{2,}/g, '/').toLowerCase()
}

/** The characters of a pattern, with a wildcard for each `*`, `**`, `?` and `{name}`. */
function tokensOf(pattern: string): Token[] {
  const plain = pattern.replace(/\{(?:[^{}]|\{[^{}]*\})*\}/g, '*').replace(/[*?]+/g, '*')
  return Array.from(plain.toLowerCase(), (char) => (char === '*' ? undefined : char))
}

function literals(tokens: readonly Token[]): number {
  return tokens.filter((token) => token !== undefined).length
}

/**
 * How many characters have to be changed, put in or left out (Levenshtein's distance), where what a wildcard takes is
 * free; something greater than `limit` if there are more.
 */
function distanceOf(text: string, tokens: readonly Token[], limit: number): number {
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
