/**
 * What is wrong with a pattern that can be read but that no client's path can ever match, with what was meant;
 * `undefined` if nothing is.
 * @param pattern - with its leading slash
 */
export function mistakeIn(pattern: string): string | undefined {
  // What stands in braces is an expression of the user's, and says what it means.
  const text = pattern.replace(/\{(?:[^{}]|\{[^{}]*\})*\}/g, '{}')
  const url = /^\/?[a-z][a-z\d+.-]*:\/\/[^/]*(.*)$/i.exec(pattern)
  if (url) return `the whole URL; write the path behind the prefix only, such as "${url[1] || '/ws'}"`
  const colon = /\/:([\p{L}_$][\p{L}\p{N}_$]*)/u.exec(text)
  if (colon) return `":${colon[1]}", which is read as it stands; a parameter is {${colon[1]}}`
  if (/\?[\w.-]+=/.test(text)) return 'a query; leave it out, and read conn.req.url for it'
  if (/\}\?(?=\/|$)/.test(text))
    return 'a parameter with "?", which is one more character and makes nothing optional; write two handlers, or "/**"'
  if (text.includes('#')) return 'a "#"; what follows it is never sent to a server'
  if (/\/\.\.?(?=\/|$)/.test(text)) return 'a "." or ".." segment, which clients resolve before they ask'
  return undefined
}

/** A pattern that starts with the prefix again: where it is served, for a warning, because that may be meant. */
export function prefixTwice(pattern: string, prefixes: readonly string[]): string | undefined {
  const prefix = prefixes.find((each) => each !== '' && (pattern === each || pattern.startsWith(`${each}/`)))
  if (prefix === undefined) return undefined
  return (
    `the handler "${pattern}" is served at ${prefix}${pattern}, because a pattern goes behind the endpointPrefix; ` +
    `for ${pattern} write "${pattern.slice(prefix.length) || '/'}"`
  )
}
