import { MASK, maskTokens, tokensIn } from './mask.ts'
import type { LoadOptions } from './options.ts'
import type { Report } from './report.ts'

/** A shorter value is no secret, and is in every other word. */
const MIN_SECRET = 4

/** What a user gives to a run and what opens a door, wherever it turns up: a server may send it back when it refuses. */
export class Secrets {
  /** By name: `header Authorization`, `query token`. */
  readonly names: readonly string[]
  readonly values: readonly string[]

  constructor(
    urls: readonly string[],
    given: {
      readonly headers: readonly string[]
      readonly join: string | undefined
      readonly message: string
      readonly subprotocol: string | undefined
    },
  ) {
    const names = new Set<string>()
    const values = new Set<string>()
    const hide = (name: string, ...found: string[]): void => {
      names.add(name)
      for (const value of found) if (value.length >= MIN_SECRET) values.add(value)
    }
    const hideTokens = (name: string, text: string): void => {
      if (maskTokens(text) !== text) hide(name, ...tokensIn(text))
    }
    for (const url of urls) {
      const parsed = URL.canParse(url) ? new URL(url) : undefined
      if (parsed && (parsed.username !== '' || parsed.password !== '')) {
        const { username, password } = parsed
        const login = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64')
        hide('user and password of the URL', login, username, password, decode(username), decode(password))
      }
      const query = parsed?.search.slice(1) ?? ''
      if (query !== '' && !/[=&]/.test(query)) hide('the query', query, decode(query))
      for (const pair of query.split('&')) {
        const [name = '', ...rest] = pair.split('=')
        const value = rest.join('=')
        if (rest.length > 0)
          hide(`query ${decode(name)}`, value, ...partsOf(decode(value)), ...partsOf(readForm(value)))
      }
    }
    for (const header of given.headers) {
      const colon = header.indexOf(':')
      hide(`header ${header.slice(0, colon)}`, ...partsOf(header.slice(colon + 1).trim()))
    }
    if (given.join !== undefined) hide('--join', ...partsOf(given.join))
    hideTokens('--message', given.message)
    hideTokens('--subprotocol', given.subprotocol ?? '')
    for (const url of urls) if (URL.canParse(url)) hideTokens('the path of the URL', new URL(url).pathname)
    this.names = [...names]
    this.values = [...values]
  }

  /** Its problems are masked already, where they were found. */
  mask(report: Report, options: LoadOptions): Report {
    return {
      ...report,
      url: maskTokens(report.url),
      options: {
        ...report.options,
        message: maskTokens(options.message),
        ...(options.script !== undefined && { script: maskTokens(options.script) }),
        ...(options.subprotocol !== undefined && { subprotocol: maskTokens(options.subprotocol) }),
        ...(options.join !== undefined && { join: MASK }),
        headers: options.headers.map((line) => `${line.slice(0, line.indexOf(':'))}: ${MASK}`),
      },
      masked: this.names,
      ...(report.runs && { runs: report.runs.map((run) => this.mask(run, options)) }),
      ...(report.against && {
        against: {
          ...report.against,
          url: maskTokens(report.against.url),
          runs: report.against.runs.map((run) => this.mask(run, options)),
        },
      }),
    }
  }
}

/** Of a scheme (`Bearer x`), a list (`sid=x; theme=dark`) or JSON, each also alone: a server seldom repeats all of it. */
function partsOf(text: string): string[] {
  // oxlint-disable-next-line no-control-regex -- STOMP ends a frame with it
  const words = text.split(/[\s;,:&\0]+/)
  const isScheme =
    words.length > 1 && /^(?:bearer|basic|digest|negotiate|token|apikey)$/i.test(words[0] ?? '')
  return [
    text,
    ...words.slice(isScheme ? 1 : 0).flatMap((word) => {
      const value = word.slice(word.indexOf('=') + 1)
      return [word, value, decode(value)].map((part) => part.replace(/^["']|["']$/g, ''))
    }),
    ...leavesOf(readJson(text)),
  ]
}

/** The texts and numbers of a JSON value, as they are and as they stand in it. */
function leavesOf(value: unknown): string[] {
  if (typeof value === 'number') return [String(value)]
  if (typeof value === 'string') return [value, JSON.stringify(value).slice(1, -1), ...partsOf(value)]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : []
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readForm(text: string): string {
  return decode(text.replaceAll('+', ' '))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
