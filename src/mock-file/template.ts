import type { Made } from './made.ts'
import { literalOf } from './literal.ts'
import { FUNCTIONS } from './template-functions.ts'
import { didYouMean } from '../engine/edit-distance.ts'

/** What names lead to. */
const ROOTS: Readonly<Record<string, Made>> = {
  message: ({ message }) => message as unknown,
  params: ({ conn }) => conn?.req.params,
  query: ({ conn }) => queryOf(conn?.req.url ?? ''),
  headers: ({ conn }) => conn?.req.headers,
  state: ({ state }) => state as unknown,
  shared: ({ shared }) => shared as unknown,
  conn: ({ conn }) => ({ id: conn?.id }),
  n: ({ n }) => n,
  now: ({ now }) => new Date(now?.() ?? 0).toISOString(),
  timestamp: ({ now }) => now?.(),
  uuid: ({ random }) => random?.uuid(),
}
/** Have nothing in them. */
const LEAVES = new Set(['n', 'now', 'timestamp', 'uuid'])
const NAMES: readonly string[] = [...Object.keys(ROOTS), ...Object.keys(FUNCTIONS)]

/** What is known where a template stands. */
export interface Scope {
  /** How errors call it. */
  readonly where: string
  /** Names that mean nothing there. */
  readonly without: readonly string[]
}

/** A scope, in a handler of a file. */
export interface Where extends Scope {
  /** The path of the file, for packages beside it. */
  readonly from: string
  /** The names in the pattern of the handler. */
  readonly params: readonly string[]
}

/** Where it stands in a step. */
export const IN_STEPS: Scope = { where: 'a step', without: [] }
export const IN_DISCONNECT: Scope = { where: 'disconnect', without: ['message'] }
export const IN_EVERY: Scope = { where: 'every', without: ['message'] }
export const IN_EVERY_FOR_ALL: Scope = {
  where: "every with to: 'all', which is about no connection",
  without: ['message', 'params', 'query', 'headers', 'state', 'conn'],
}
const OF_NOBODY_YET = [
  'message',
  'state',
  'shared',
  'n',
  'now',
  'timestamp',
  'uuid',
  ...Object.keys(FUNCTIONS),
]
export const IN_STATE: Scope = { where: 'state', without: OF_NOBODY_YET }
export const IN_KEY: Scope = { where: 'key', without: [...OF_NOBODY_YET, 'conn'] }

const QUOTED = `"(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'`
const EXPRESSION = new RegExp(`\\{\\{((?:${QUOTED}|[^"'{}])*)\\}\\}`, 'g')
/** A name and where it leads, something in quotes, `??`, or a word. */
const TOKEN = new RegExp(`\\?\\?|${QUOTED}|(?:\\["[^"]*"\\]|\\['[^']*'\\]|[^\\s"'?])+`, 'g')

/**
 * Reads `{{…}}` in a text. Alone in it, one keeps the type of its value, and is `undefined` where there is none; beside text it is
 * text. What comes with a message is never read as a template.
 * @returns `undefined` for a text without one
 * @throws a plain `Error` that says what is wrong, without the place
 */
export function compileTemplate(text: string, where: Where): Made | undefined {
  if (!text.includes('{{')) return undefined
  const parts: (string | Made)[] = []
  let end = 0
  for (const match of text.matchAll(EXPRESSION)) {
    parts.push(text.slice(end, match.index), compileExpression(match[1] ?? '', where))
    end = match.index + match[0].length
  }
  parts.push(text.slice(end))
  const open = parts.find((part) => typeof part === 'string' && part.includes('{{'))
  if (open !== undefined)
    throw new Error(
      `${quoted(text)} has a "{{" without its "}}"; for the two braces themselves write {{'{{'}}`,
    )
  const [first, only, last] = parts
  if (parts.length === 3 && first === '' && last === '' && typeof only === 'function') return only
  return (asked) => parts.map((part) => (typeof part === 'string' ? part : textOf(part(asked)))).join('')
}

/** Names and values with what stands in for what is missing: `message.id ?? 0`. */
function compileExpression(text: string, where: Where): Made {
  const alternatives: string[][] = [[]]
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '??') alternatives.push([])
    else alternatives.at(-1)?.push(token)
  }
  const [first, ...others] = alternatives.map((tokens) => compileOperand(tokens, where, text))
  if (!first || others.length === 0) return first ?? (() => undefined)
  return (asked) => others.reduce((found: unknown, other) => found ?? other(asked), first(asked))
}

function compileOperand(tokens: readonly string[], where: Where, text: string): Made {
  const [head, ...rest] = tokens
  if (head === undefined)
    throw new Error(`{{${text}}} has nothing to say; write a name such as {{message.id}}`)
  const literal = literalOf(head)
  if (literal !== undefined || head === 'null') {
    if (rest.length > 0) throw new Error(`{{${text}}}: there is "${rest.join(' ')}" behind ${head}`)
    return () => literal ?? null
  }
  const [, name = '', path = ''] = /^([^.[\]]*)(.*)$/.exec(head) ?? []
  if (name === '') throw new Error(`{{${text}}}: "${head}" is no name and no value; a text stands in quotes`)
  if (where.without.includes(name)) throw new Error(`{{${text}}}: there is no "${name}" in ${where.where}`)
  if (Object.hasOwn(FUNCTIONS, name)) {
    if (path !== '') throw new Error(`{{${text}}}: "${name}" has nothing in it`)
    const values = rest.map((word) => (word === 'null' ? null : (literalOf(word) ?? word)))
    return (
      FUNCTIONS[name]?.({ words: rest, values, text: `{{${text}}}`, from: where.from }) ?? (() => undefined)
    )
  }
  const root = Object.hasOwn(ROOTS, name) ? ROOTS[name] : undefined
  if (!root) {
    const known = NAMES.filter((each) => !where.without.includes(each))
    throw new Error(
      `{{${text}}}: there is no "${name}";${didYouMean(name, known)} known are ${known.join(', ')}`,
    )
  }
  if (rest.length > 0)
    throw new Error(
      `{{${text}}}: there is "${rest.join(' ')}" behind ${head}; what may be missing has ?? behind it`,
    )
  if (LEAVES.has(name) && path !== '') throw new Error(`{{${text}}}: "${name}" has nothing in it`)
  if (name === 'conn' && path !== '.id') throw new Error(`{{${text}}}: of conn there is only {{conn.id}}`)
  const keys = keysOf(path, text).map((key) => (name === 'headers' ? key.toLowerCase() : key))
  const [param] = keys
  if (name === 'params' && param !== undefined && !where.params.includes(param))
    throw new Error(
      `{{${text}}}: the pattern has no {${param}};${didYouMean(param, where.params)} it has ${where.params.map((each) => `{${each}}`).join(', ') || 'no names'}`,
    )
  return (asked) => keys.reduce<unknown>((value, key) => memberOf(value, key), root(asked))
}

/** `.path.to[0]["a key"]`. */
function keysOf(path: string, text: string): string[] {
  const keys: string[] = []
  let end = 0
  for (const match of path.matchAll(/\.([^.[\]]+)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]/g)) {
    if (match.index !== end) break
    keys.push(match[1] ?? match[2] ?? match[3] ?? match[4] ?? '')
    end += match[0].length
  }
  if (end < path.length)
    throw new Error(
      `{{${text}}}: "${path.slice(end)}" leads nowhere; a path is such as message.items[0].id or message["a key"]`,
    )
  return keys
}

/** Only what is its own: `constructor` of a message is what the client sent, or nothing. */
function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return (value as Record<string, unknown>)[key]
}

/** Objects as JSON; what is missing is no text. */
function textOf(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function queryOf(url: string): Record<string, string> {
  const at = url.indexOf('?')
  const query: Record<string, string> = Object.create(null)
  if (at === -1) return query
  // Of a name that comes twice the first one counts.
  for (const [name, value] of new URLSearchParams(url.slice(at))) query[name] ??= value
  return query
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
