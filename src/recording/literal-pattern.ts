/** The pattern that matches one path and no other, and none of its query: its values need not be as recorded. */
export function literalPattern(url: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? ''
  let parameters = 0
  const segments = path.split('/').map((segment) => {
    const text = decoded(segment)
    if (!/[?*{}/\\]/.test(text)) return text
    // What means something in a pattern stands for itself in an expression.
    return `{p${parameters++}:${text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')}}`
  })
  return segments.join('/') || '/'
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
