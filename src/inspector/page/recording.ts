import type { Line } from './lines.ts'

/** JSON Lines, as `recording/1` has them: one event a line, times from the first one on. */
function toRecording(lines: readonly Line[]): string {
  const numbers = new Map<number, number>()
  const numberOf = (conn: number): number => {
    const known = numbers.get(conn)
    if (known !== undefined) return known
    numbers.set(conn, numbers.size + 1)
    return numbers.size
  }
  const start = lines[0]?.at ?? Date.now()
  const events = lines.flatMap((line) => {
    const t = Math.round((line.at - start) * 10) / 10
    const conns = line.type === 'broadcast' ? (line.to ?? []) : line.conn === undefined ? [] : [line.conn]
    if (line.type === 'refused') return [{ t, conn: numberOf(-line.n), ...refusalOf(line) }]
    const event = eventOf(line)
    return event ? conns.map((conn) => ({ t, conn: numberOf(conn), ...event })) : []
  })
  const head = {
    sidewire: 'recording/1',
    at: new Date(start).toISOString(),
    url: location.origin.replace(/^http/, 'ws'),
    tool: 'sidewire inspector',
  }
  return [head, ...events].map((each) => `${JSON.stringify(each)}\n`).join('')
}

/** What the page shows, as a file. */
export function download(lines: readonly Line[]): void {
  const url = URL.createObjectURL(new Blob([toRecording(lines)], { type: 'application/jsonl' }))
  const link = document.createElement('a')
  link.href = url
  link.download = `sidewire-${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}.jsonl`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 0)
}

function eventOf(line: Line): object | undefined {
  const { type, path, code, reason = '' } = line
  if (type === 'open') return { type, path }
  if (type === 'message') return { from: 'client', ...contentOf(line) }
  if (type === 'sent' || type === 'broadcast') return { from: 'server', ...contentOf(line) }
  if (type === 'close') return { type, from: code === 1006 ? 'network' : line.from, code, reason }
  return undefined
}

function refusalOf({ path, status, text }: Line): object {
  return { type: 'refused', path, status, body: text ?? '' }
}

/** `json` where it comes out of it letter by letter as it went in. */
function contentOf({ text, base64, isCut }: Line): object {
  if (text === undefined) return { base64, ...(isCut && { isCut }) }
  try {
    const json: unknown = JSON.parse(text)
    if (JSON.stringify(json) === text) return { json }
  } catch {
    // It is text, then.
  }
  return { text, ...(isCut && { isCut }) }
}
