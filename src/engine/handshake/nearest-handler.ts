import { distanceOf, type Token } from '../edit-distance.ts'

/** Longer paths are nobody's misspelling, and would cost a server more than a hint is worth. */
const MAX_PATH = 256
/** How much of a pattern's own text may be misspelled. */
const TOLERANCE = 1 / 3
const MIN_TOLERANCE = 2
/** What a segment that is missing in front, or too many there, counts: less than its letters. */
const SEGMENT = 1

/** Where a handler is reached: its pattern, behind one of the prefixes. */
interface Place {
  readonly pattern: string
  readonly prefixes: readonly string[]
}

/**
 * For a hint: the handler that a path which none matches was most likely meant for, as prefix and pattern
 * (`/api/ws/chat/{room}`); `undefined` if none is near. Forgives misspellings, upper case, doubled slashes, and a prefix
 * that is missing, another one, or none of ours.
 */
export function nearestHandler(path: string, handlers: readonly Place[]): string | undefined {
  if (path.length > MAX_PATH) return undefined
  const asked = simplify(path)
  const shorter = asked.replace(/^\/[^/]*(?=\/.)/, '')
  let nearest: string | undefined
  let least = Infinity
  for (const { pattern, prefixes } of handlers) {
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
  return `No WebSocket handler matches this path${didYouMean(nearest)}`
}

/** The end of a sentence about a path that no handler matches. */
export function didYouMean(nearest: string | undefined): string {
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
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
