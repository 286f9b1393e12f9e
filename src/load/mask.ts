// Reports are pasted into issues and kept by CI, so nothing in them opens a door.

export const MASK = '***'

/** `name=value` of a query, or a query that is a value alone. */
const QUERY_VALUE = /([?&][^=&#\s"]+=|:\/\/[^\s?#"]+\?(?=[^=&#\s"]+(?:[\s"]|$)))[^&#\s"]+/g
/** The `user:password@` of a URL, also of one that has no scheme. */
const USER = /(\/\/|^|[\s"'])[^\s/@"':]*(?::[^\s/@"']*)?@(?=[^\s/@"']+(?:[:/?\s"']|$))/g
/** What is a token by its looks: of a JWT, of the schemes of RFC 9110 11, or long letters and digits in a mix. */
const TOKENS = [
  /\beyJ[\w-]+(?:\.[\w-]+)+/g,
  /(?<=\b(?:Bearer|Basic|Token|ApiKey) )[\w\-.~+/]+=*/gi,
  /(?<=(?:passw(?:or)?d|secret|token|api[-_]?key|authorization|session|cookie)\\?["']?\s*[:=]\s*\\?["']?)[^"'&,;\s{}\\]+/gi,
  /(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{20,}(?![\w-])/gi,
]

/** Of the run of this thread, the longest first: one may be a part of another. `undefined`: all is shown. */
let secrets: readonly string[] | undefined = []

/** From now on `shown` hides these, too; `undefined` is `--show-secrets`. */
export function hideSecrets(values: readonly string[] | undefined): void {
  secrets = values?.toSorted((a, b) => b.length - a.length)
}

/**
 * Text from outside as it may be shown: of the URL and the options, of a server, a script or a library. It is masked before
 * it becomes a part of a sentence, and before it is quoted: the words around it are ours, and stay as they are.
 */
export function shown(text: string): string {
  if (secrets === undefined) return text
  return maskTokens(secrets.reduce((masked, secret) => masked.replaceAll(secret, MASK), text))
}

/** What a text shows without anybody having said that it is secret: the user of a URL, a query, a token. */
export function maskTokens(text: string): string {
  const masked = text.replace(USER, `$1${MASK}:${MASK}@`).replace(QUERY_VALUE, `$1${MASK}`)
  return TOKENS.reduce((before, pattern) => before.replace(pattern, MASK), masked)
}

/** What `maskTokens` would hide as a token. */
export function tokensIn(text: string): string[] {
  return TOKENS.flatMap((pattern) => text.match(pattern) ?? [])
}
