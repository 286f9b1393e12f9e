import type { LoadOptions } from './options.ts'
import type { Report } from './report.ts'

// Reports are pasted into issues and kept by CI, so nothing in them opens a door.

export const MASK = '***'

/** `name=value` of a query. */
const QUERY_VALUE = /([?&][^=&#\s"]+=)[^&#\s"]+/g
/** The `user:password@` of a URL, also of one that has no scheme. */
const USER = /(\/\/|^|[\s"'])[^\s/@"':]*(?::[^\s/@"']*)?@(?=[^\s/@"']+(?:[:/?\s"']|$))/g
/** What is a token by its looks: of a JWT, of the schemes of RFC 9110 11, or long letters and digits in a mix. */
const TOKENS = [
  /\beyJ[\w-]+(?:\.[\w-]+)+/g,
  /(?<=\b(?:Bearer|Basic|Token|ApiKey) )[\w\-.~+/]+=*/gi,
  /(?<=(?:passw(?:or)?d|secret|token|api[-_]?key|authorization|session|cookie)\\?["']?\s*[:=]\s*\\?["']?)[^"'&,;\s{}\\]+/gi,
  /(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{20,}(?![\w-])/gi,
]
/** A shorter value is no secret, and is in every other word. */
const MIN_SECRET = 4

/** Hides values of what a user gave to a run, wherever they turn up: a server may send them back in what it refuses. */
export class Mask {
  /** What was hidden, by name: `header Authorization`, `query token`. */
  readonly names: readonly string[]
  /** The longest first: one may be a part of another. */
  readonly #secrets: readonly string[]

  constructor(url: string, { headers, join }: { headers: readonly string[]; join: string | undefined }) {
    const names = new Set<string>()
    const secrets = new Set<string>()
    const hide = (name: string, ...values: string[]): void => {
      names.add(name)
      for (const value of values) if (value.length >= MIN_SECRET) secrets.add(value)
    }
    const parsed = URL.canParse(url) ? new URL(url) : undefined
    if (parsed && (parsed.username !== '' || parsed.password !== '')) {
      const { username, password } = parsed
      const login = Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64')
      hide('user and password of the URL', login, username, password, decode(username), decode(password))
    }
    for (const pair of (parsed?.search.slice(1) ?? '').split('&')) {
      const [name = '', ...rest] = pair.split('=')
      if (rest.length > 0) hide(`query ${decode(name)}`, rest.join('='), decode(rest.join('=')))
    }
    for (const header of headers) {
      const colon = header.indexOf(':')
      const value = header.slice(colon + 1).trim()
      // Also without the scheme: `Bearer x`.
      hide(`header ${header.slice(0, colon)}`, value, ...value.split(/[\s;,]+/).slice(1))
    }
    if (join !== undefined) hide('--join', join)
    this.names = [...names]
    this.#secrets = [...secrets].toSorted((a, b) => b.length - a.length)
  }

  /** Free text: an error, or what a server answered. */
  text(text: string): string {
    let masked = text
    for (const secret of this.#secrets) masked = masked.replaceAll(secret, MASK)
    return maskTokens(masked)
  }

  report(report: Report, options: LoadOptions): Report {
    const looksLikeToken = (name: string, value: unknown): string[] =>
      typeof value === 'string' && maskTokens(value) !== value ? [name] : []
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
      problems: report.problems.map((problem) => this.text(problem)),
      masked: [
        ...this.names,
        ...looksLikeToken('--message', options.message),
        ...looksLikeToken('--subprotocol', options.subprotocol),
        ...looksLikeToken('the path of the URL', new URL(report.url).pathname),
      ],
    }
  }
}

/** What a text shows without anybody having said that it is secret: the user of a URL, a query, a token. */
export function maskTokens(text: string): string {
  const masked = text.replace(USER, `$1${MASK}:${MASK}@`).replace(QUERY_VALUE, `$1${MASK}`)
  return TOKENS.reduce((before, pattern) => before.replace(pattern, MASK), masked)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
