import { SidewireError } from './errors.ts'

/** One leading slash, no trailing one; `''` and `'/'` mean no prefix. */
export function normalizePrefix(prefix: string): string {
  const inner = prefix.replace(/^\/+|\/+$/g, '')
  return inner === '' ? '' : `/${inner}`
}

/** The rest of the path behind the longest prefix that matches whole segments; `undefined` if none does. */
export function stripPrefix(path: string, prefixes: readonly string[]): string | undefined {
  let longest: string | undefined
  for (const prefix of prefixes) {
    if (longest !== undefined && prefix.length <= longest.length) continue
    if (prefix === '' || path === prefix || path.startsWith(`${prefix}/`)) longest = prefix
  }
  if (longest === undefined) return undefined
  return path.slice(longest.length) || '/'
}

export type Params = Readonly<Record<string, string>>

type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'regexp'; readonly regexp: RegExp; readonly names: readonly string[] }
  | { readonly kind: 'any' }

export interface Pattern {
  /** As written, with one leading slash. */
  readonly source: string
  /** The parameters if the path matches, `'malformed'` if it does but holds a broken percent escape. */
  match(path: string): Params | 'malformed' | undefined
}

const NO_PARAMS: Params = Object.freeze({})

/**
 * An Ant pattern, compiled once. Segments are compared one by one, percent-decoded, so that `%2F` in a
 * parameter is a character of it and no separator.
 * @throws `ERR_PATTERN`
 */
export function compilePattern(source: string): Pattern {
  const normalized = source.startsWith('/') ? source : `/${source}`
  const names = new Set<string>()
  const segments = splitPattern(normalized).map((text) => compileSegment(text, normalized, names))
  return {
    source: normalized,
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

/** `/ws//a` is `/ws/a`; a trailing slash is an empty last segment, so that it has to agree. */
function splitPath(path: string): string[] {
  const parts = path.split('/')
  return parts.filter((part, index) => part !== '' || index === parts.length - 1)
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
    if (depth < 0) throw invalid(pattern, 'a "}" without its "{"')
    if (char === '/' && depth === 0) {
      parts.push(current)
      current = ''
    } else current += char
  }
  if (depth > 0) throw invalid(pattern, 'a "{" without its "}"')
  parts.push(current)
  return parts.filter((part, index) => part !== '' || index === parts.length - 1)
}

function compileSegment(text: string, pattern: string, allNames: Set<string>): Segment {
  if (text === '**') return { kind: 'any' }
  if (text.includes('**')) throw invalid(pattern, '"**" has to be a whole segment, between slashes')
  if (!/[?*{]/.test(text)) return { kind: 'text', text }
  const names: string[] = []
  let regexp = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? ''
    if (char === '?') regexp += '[^]'
    else if (char === '*') regexp += '[^]*'
    else if (char === '{') {
      const end = closingBrace(text, i)
      const [, name, expression] = /^([^:]*)(?::([^]*))?$/.exec(text.slice(i + 1, end)) ?? []
      if (name === undefined || !/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name))
        throw invalid(pattern, `the parameter name "${name ?? ''}"; use letters, digits and _`)
      if (allNames.has(name)) throw invalid(pattern, `the parameter "${name}" twice`)
      allNames.add(name)
      // Named, because the user's own expression may contain groups that would shift numbers.
      regexp += `(?<p${names.length}_>${checkExpression(expression ?? '[^]+', pattern, name)})`
      names.push(name)
      i = end
    } else regexp += char.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&')
  }
  try {
    return { kind: 'regexp', regexp: new RegExp(`^${regexp}$`), names }
  } catch (cause) {
    throw invalid(pattern, `"${text}": ${(cause as Error).message}`)
  }
}

function checkExpression(expression: string, pattern: string, name: string): string {
  try {
    new RegExp(`(?:${expression})`)
    return expression
  } catch (cause) {
    throw invalid(pattern, `the expression of {${name}}: ${(cause as Error).message}`)
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
  const found = segment.regexp.exec(part)
  if (!found) return false
  segment.names.forEach((name, index) => captures.push([name, found.groups?.[`p${index}_`] ?? '']))
  return true
}

function invalid(pattern: string, what: string): SidewireError {
  return new SidewireError('ERR_PATTERN', `pattern "${pattern}" has ${what}`)
}
