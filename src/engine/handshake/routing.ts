import { SidewireError } from '../errors.ts'
import { mistakeIn } from './pattern-mistakes.ts'

/** One leading slash, no trailing one, percent-encoded as clients do; `''` and `'/'` mean no prefix. */
export function normalizePrefix(prefix: string): string {
  const inner = prefix.replace(/^\/+|\/+$/g, '')
  return inner === '' ? '' : new URL(`http://localhost/${inner}`).pathname
}

/** The longest of the prefixes that the path stands behind, by whole segments; `undefined` if there is none. */
export function longestPrefix(path: string, prefixes: readonly string[]): string | undefined {
  let longest: string | undefined
  for (const prefix of prefixes) {
    if (longest !== undefined && prefix.length <= longest.length) continue
    if (prefix === '' || path === prefix || path.startsWith(`${prefix}/`)) longest = prefix
  }
  return longest
}

/** The rest of the path behind its longest prefix. */
export function stripPrefix(path: string, prefixes: readonly string[]): string | undefined {
  const prefix = longestPrefix(path, prefixes)
  return prefix === undefined ? undefined : path.slice(prefix.length) || '/'
}

const NO_PREFIX = ['']

/** Which of the prefixes the paths of a handler may stand behind: none, with `prefix: false`. */
export function prefixesOf(
  { prefix }: { readonly prefix?: boolean | undefined },
  prefixes: readonly string[],
): readonly string[] {
  return prefix === false ? NO_PREFIX : prefixes
}

/** One of the places where a handler is; wildcards stand as in the pattern. */
export interface Place {
  readonly prefix: string
  /** With one leading slash. */
  readonly pattern: string
  readonly path: string
}

/** Where a handler is: once for each prefix. */
export function placesOf(
  handler: { readonly pattern: string; readonly prefix?: boolean | undefined },
  prefixes: readonly string[],
): Place[] {
  const pattern = `/${handler.pattern.replace(/^\//, '')}`
  return prefixesOf(handler, prefixes).map((prefix) => ({ prefix, pattern, path: prefix + pattern }))
}

export type Params = Readonly<Record<string, string>>

type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'glob'; readonly pieces: readonly Piece[]; readonly wildcards: readonly Wildcard[] }
  | { readonly kind: 'regexp'; readonly regexp: RegExp; readonly names: readonly string[] }
  | { readonly kind: 'any' }

/** Characters between wildcards; `undefined` is a `?`. */
type Piece = readonly (string | undefined)[]

/** A `*`, or a `{name}`, which takes at least one character. */
interface Wildcard {
  readonly name: string | undefined
  readonly min: number
}

export interface Pattern {
  /** As written, with one leading slash. */
  readonly source: string
  /** The only path it matches, but for escapes and doubled slashes; `undefined` if it is no plain text. */
  readonly plainPath: string | undefined
  /** The parameters if the path matches, `'malformed'` if it does but holds a broken percent escape. */
  match(path: string): Params | 'malformed' | undefined
}

export const NO_PARAMS: Params = Object.freeze({})

/**
 * An Ant pattern, compiled once. Segments are compared one by one, percent-decoded, so that `%2F` in a
 * parameter is a character of it and no separator.
 * @throws `ERR_PATTERN`
 */
export function compilePattern(source: string): Pattern {
  const normalized = source.startsWith('/') ? source : `/${source}`
  const mistake = mistakeIn(normalized)
  if (mistake !== undefined) throw invalid(normalized, mistake)
  const names = new Set<string>()
  const segments = splitPattern(normalized).map((text) => compileSegment(text, normalized, names))
  return {
    source: normalized,
    plainPath: plainPathOf(segments),
    match(path) {
      const raw = splitPath(path)
      let parts: string[] = raw
      let malformed = false
      if (path.includes('%')) {
        try {
          parts = raw.map(decodeURIComponent)
        } catch {
          malformed = true
        }
      }
      const captures = matchSegments(segments, parts)
      if (captures === undefined) return undefined
      if (malformed) return 'malformed'
      return captures.length === 0 ? NO_PARAMS : Object.fromEntries(captures)
    },
  }
}

function plainPathOf(segments: readonly Segment[]): string | undefined {
  const texts = segments.map((segment) => (segment.kind === 'text' ? segment.text : undefined))
  return texts.includes(undefined) ? undefined : `/${texts.join('/')}`
}

/** `/ws//a` is `/ws/a`; a trailing slash is an empty last segment, so that it has to agree. */
export function splitPath(path: string): string[] {
  const parts = path.split('/')
  return parts.filter((part, index) => part !== '' || index === parts.length - 1)
}

/** The same for all spellings that patterns cannot tell apart: doubled slashes, and what is percent-encoded without need. */
export function canonicalPath(path: string): string {
  return splitPath(path)
    .map((part) => encodeURIComponent(decodeURIComponent(part)))
    .join('/')
}

/** Splits at slashes outside of braces. */
function splitPattern(pattern: string): string[] {
  const parts: string[] = []
  let depth = 0
  let current = ''
  const chars = Array.from(pattern)
  for (const [index, char] of chars.entries()) {
    const escaped = depth > 0 && chars[index - 1] === '\\'
    if (char === '{' && !escaped) depth++
    if (char === '}' && !escaped) depth--
    if (depth < 0) throw invalid(pattern, 'a "}" without its "{"; a parameter is {name} or {name:regex}')
    if (char === '/' && depth === 0) {
      parts.push(current)
      current = ''
    } else current += char
  }
  if (depth > 0) throw invalid(pattern, 'a "{" without its "}"; a parameter is {name} or {name:regex}')
  parts.push(current)
  return parts.filter((part, index) => part !== '' || index === parts.length - 1)
}

function compileSegment(text: string, pattern: string, allNames: Set<string>): Segment {
  if (text === '**') return { kind: 'any' }
  if (text.includes('**')) throw invalid(pattern, 'a "**" that is no whole segment, between slashes')
  if (!/[?*{]/.test(text)) return { kind: 'text', text }
  const names: string[] = []
  let plain = true
  let regexp = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? ''
    if (char === '?') regexp += '(?:[\\uD800-\\uDBFF][\\uDC00-\\uDFFF]|[^\\uD800-\\uDFFF])'
    else if (char === '*') regexp += '[^]*'
    else if (char === '{') {
      const end = closingBrace(text, i)
      const [, name, expression] = /^([^:]*)(?::([^]*))?$/.exec(text.slice(i + 1, end)) ?? []
      if (name === undefined || !/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name))
        throw invalid(pattern, `a parameter named "${name ?? ''}"; use letters, digits and _`)
      if (allNames.has(name))
        throw invalid(pattern, `the parameter "${name}" twice; each needs a name of its own`)
      allNames.add(name)
      // Named, because the user's own expression may contain groups that would shift numbers.
      regexp += `(?<p${names.length}_>${checkExpression(expression ?? '[^]+', pattern, name)})`
      names.push(name)
      plain &&= expression === undefined
      i = end
    } else regexp += char.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&')
  }
  if (plain) return compileGlob(text)
  try {
    return { kind: 'regexp', regexp: new RegExp(`^${regexp}$`), names }
  } catch (cause) {
    throw invalid(pattern, `a segment that does not compile: ${(cause as Error).message}`)
  }
}

function compileGlob(text: string): Segment {
  const pieces: (string | undefined)[][] = [[]]
  const wildcards: Wildcard[] = []
  for (const [token] of text.matchAll(/\{[^}]*\}|[^]/gu)) {
    if (token === '*' || token.length > 2) {
      const name = token === '*' ? undefined : token.slice(1, -1)
      wildcards.push({ name, min: name === undefined ? 0 : 1 })
      pieces.push([])
    } else pieces.at(-1)?.push(token === '?' ? undefined : token)
  }
  return { kind: 'glob', pieces, wildcards }
}

function checkExpression(expression: string, pattern: string, name: string): string {
  try {
    new RegExp(`(?:${expression})`)
    return expression
  } catch (cause) {
    throw invalid(pattern, `an expression for {${name}} that does not compile: ${(cause as Error).message}`)
  }
}

function closingBrace(text: string, start: number): number {
  let depth = 0
  for (let i = start; i < text.length; i++) {
    if (i > start && text[i - 1] === '\\') continue
    if (text[i] === '{') depth++
    if (text[i] === '}' && --depth === 0) return i
  }
  return text.length - 1
}

/** Wildcard matching that goes back to the last `**` only, so that a hostile path costs at most its length squared. */
function matchSegments(
  segments: readonly Segment[],
  parts: readonly string[],
): readonly (readonly [string, string])[] | undefined {
  let captures: (readonly [string, string])[] = []
  let s = 0
  let p = 0
  let retry: { s: number; p: number; captures: number } | undefined
  for (;;) {
    const segment = segments[s]
    const part = parts[p]
    if (segment === undefined && part === undefined) return captures
    if (segment?.kind === 'any') {
      retry = { s, p, captures: captures.length }
      s++
      continue
    }
    if (segment !== undefined && part !== undefined && matchSegment(segment, part, captures)) {
      s++
      p++
      continue
    }
    if (retry === undefined || retry.p >= parts.length) return undefined
    retry.p++
    captures = captures.slice(0, retry.captures)
    s = retry.s + 1
    p = retry.p
  }
}

function matchSegment(segment: Segment, part: string, captures: (readonly [string, string])[]): boolean {
  if (segment.kind === 'text') return segment.text === part
  if (segment.kind === 'any') return true
  if (segment.kind === 'glob') return matchGlob(segment.pieces, segment.wildcards, Array.from(part), captures)
  const found = segment.regexp.exec(part)
  if (!found) return false
  segment.names.forEach((name, index) => captures.push([name, found.groups?.[`p${index}_`] ?? '']))
  return true
}

/**
 * From the right, every piece as far right as it can be: what greedy wildcards give, without an expression's
 * backtracking, which a hostile path could make cost its length to the power of the number of wildcards.
 */
function matchGlob(
  pieces: readonly Piece[],
  wildcards: readonly Wildcard[],
  chars: readonly string[],
  captures: (readonly [string, string])[],
): boolean {
  const [first = [], ...others] = pieces
  if (!isAt(first, chars, 0)) return false
  if (others.length === 0) return first.length === chars.length
  const taken: [string, string][] = []
  let end = chars.length
  for (let i = others.length - 1; i >= 0; i--) {
    const piece = others[i] ?? []
    const { name, min = 0 } = wildcards[i] ?? {}
    const next = wildcards[i + 1]
    // Where the piece starts; the last one has to end the segment, the others leave room for the wildcard behind.
    let at = end - piece.length - (next?.min ?? 0)
    if (next) while (at >= first.length && !isAt(piece, chars, at)) at--
    if (at < first.length + min || !isAt(piece, chars, at)) return false
    if (next?.name !== undefined) taken.push([next.name, chars.slice(at + piece.length, end).join('')])
    if (i === 0 && name !== undefined) taken.push([name, chars.slice(first.length, at).join('')])
    end = at
  }
  captures.push(...taken.toReversed())
  return true
}

function isAt(piece: Piece, chars: readonly string[], at: number): boolean {
  if (at + piece.length > chars.length) return false
  return piece.every((char, index) => char === undefined || char === chars[at + index])
}

function invalid(pattern: string, what: string): SidewireError {
  return new SidewireError('ERR_PATTERN', `pattern "${pattern}" has ${what}`)
}
