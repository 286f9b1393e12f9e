/** A number, `true`, `false`, or what stands in quotes; `undefined` for `null` and for a name. */
export function literalOf(token: string): unknown {
  if (/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(token)) return Number(token)
  if (token === 'true' || token === 'false') return token === 'true'
  if (/^(["']).*\1$/s.test(token)) return token.slice(1, -1).replaceAll(/\\(.)/g, '$1')
  return undefined
}
