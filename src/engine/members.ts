// Finds named values in text without parsing the text: what is not replaced stays letter by letter as it was, numbers above
// 2^53 and white space included, and JSON behind a prefix (`42["join",{"token":"x"}]`) or inside of a JSON string is found, too.

/** What stands in the place of a value, as JSON; `undefined` leaves it. */
type Replace = (name: string, value: string) => string | undefined
/** The value is looked for where it is asked for: of nests in nests that would be the square of their depth. */
type ReplaceMember = (name: string, value: () => string) => string | undefined

/** JSON in JSON in JSON: as deep as anybody writes it, and no hostile text goes deeper. */
const MAX_NESTING = 4

/** Replaces members of JSON objects, at any depth. */
export function replaceMembers(text: string, replace: ReplaceMember, nesting = 0): string {
  let result = ''
  let copied = 0
  let at = text.indexOf('"')
  while (at !== -1) {
    const end = endOfString(text, at)
    const value = startOfValue(text, end)
    let next = end
    if (value !== undefined) {
      const replaced = replace(decodeString(text.slice(at, end)), () =>
        text.slice(value, endOfValue(text, value)),
      )
      if (replaced !== undefined) {
        result += text.slice(copied, value) + replaced
        copied = next = endOfValue(text, value)
      }
    } else if (nesting < MAX_NESTING && text.slice(at, end).includes('\\"')) {
      const inner = decodeString(text.slice(at, end))
      const replaced = replaceMembers(inner, replace, nesting + 1)
      if (replaced !== inner) {
        result += text.slice(copied, at) + JSON.stringify(replaced)
        copied = end
      }
    }
    at = text.indexOf('"', next)
  }
  return copied === 0 ? text : result + text.slice(copied)
}

/** Replaces values of the query; `replace` gets them decoded. */
export function replaceQuery(url: string, replace: Replace): string {
  const at = url.indexOf('?')
  if (at === -1) return url
  const hash = url.indexOf('#', at)
  const end = hash === -1 ? url.length : hash
  const pairs = url
    .slice(at + 1, end)
    .split('&')
    .map((pair) => {
      const [name = '', ...rest] = pair.split('=')
      const replaced = replace(decodeQuery(name), decodeQuery(rest.join('=')))
      return replaced === undefined ? pair : `${name}=${replaced}`
    })
  return `${url.slice(0, at)}?${pairs.join('&')}${url.slice(end)}`
}

/** The strings and numbers of a JSON value replaced, whatever it is; names, `true`, `false` and `null` stay. */
export function replaceLeaves(json: string, replace: (value: string) => string): string {
  return json.replaceAll(/"[^"\\]*(?:\\[^][^"\\]*)*"?(\s*:)?|-?\d[\d.eE+-]*/g, (leaf, colon?: string) =>
    colon === undefined ? replace(leaf) : leaf,
  )
}

/** The text of a JSON string, which may be cut off or broken. */
export function decodeString(literal: string): string {
  try {
    return JSON.parse(literal) as string
  } catch {
    return literal.slice(1, literal.endsWith('"') ? -1 : undefined)
  }
}

/** Behind the closing quote; the end of the text where there is none. */
function endOfString(text: string, start: number): number {
  let quote = start
  do {
    quote = text.indexOf('"', quote + 1)
    if (quote === -1) return text.length
  } while (isEscaped(text, quote))
  return quote + 1
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text[at - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

const COLON = /\s*:\s*/y
/** `undefined` if no value follows: it was a value itself. */
function startOfValue(text: string, end: number): number | undefined {
  COLON.lastIndex = end
  return COLON.test(text) ? COLON.lastIndex : undefined
}

const SCALAR_END = /[\s,}\]]/g
function endOfValue(text: string, start: number): number {
  const first = text[start]
  if (first === '"') return endOfString(text, start)
  if (first === '{' || first === '[') return endOfNest(text, start)
  SCALAR_END.lastIndex = start
  return SCALAR_END.exec(text)?.index ?? text.length
}

function endOfNest(text: string, start: number): number {
  const TOKEN = /["{}[\]]/g
  TOKEN.lastIndex = start
  let depth = 0
  for (let found = TOKEN.exec(text); found; found = TOKEN.exec(text)) {
    const [token] = found
    if (token === '"') TOKEN.lastIndex = endOfString(text, found.index)
    else if (token === '{' || token === '[') depth++
    else if (--depth === 0) return found.index + 1
  }
  return text.length
}

function decodeQuery(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
