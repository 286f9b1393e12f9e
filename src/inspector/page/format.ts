const UNITS = ['B', 'KB', 'MB', 'GB'] as const

/** `59 B`, `1.2 KB` */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}

export function whole(count: number): string {
  return Math.round(count).toLocaleString('en')
}

/** `14:03:21.007` */
export function time(at: number): string {
  const date = new Date(at)
  const two = (part: number): string => String(part).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

/** `+12 ms`, `+3.4 s` */
export function difference(ms: number): string {
  if (ms < 1000) return `+${Math.round(ms)} ms`
  if (ms < 60_000) return `+${(ms / 1000).toFixed(1)} s`
  return `+${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

/** `2 min 5 s` */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** How long a hook took. */
export function took(ms: number): string {
  return ms < 1 ? `${Math.round(ms * 1000)} µs` : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}

/** RFC 6455 7.4.1, and the registry of IANA. */
const CODES: Readonly<Record<number, string>> = {
  1000: 'normal',
  1001: 'going away',
  1002: 'protocol error',
  1003: 'unsupported data',
  1005: 'no code',
  1006: 'cut, without a close frame',
  1007: 'invalid payload',
  1008: 'policy violation',
  1009: 'message too big',
  1010: 'extension missing',
  1011: 'internal error',
  1012: 'service restart',
  1013: 'try again later',
  1014: 'bad gateway',
  1015: 'TLS failed',
}

export function closeCode(code: number): string {
  const name =
    CODES[code] ?? (code >= 4000 ? 'of the application' : code >= 3000 ? 'of a library' : 'unknown')
  return `${code} (${name})`
}

/** A browser's, in a word or two; else its first word. */
export function userAgent(text: string): string {
  const known = /(Edg|OPR|Firefox|HeadlessChrome|Chrome)\/(\d+)/.exec(text)
  if (known) return `${known[1] === 'Edg' ? 'Edge' : known[1]} ${known[2]}`
  const safari = /Version\/(\d+).*Safari/.exec(text)
  return safari ? `Safari ${safari[1]}` : (text.split(/[\s/]/)[0] ?? text)
}

const PER_LINE = 16

/** As `hexdump -C` writes it. */
export function hex(data: Uint8Array): string {
  const lines: string[] = []
  for (let at = 0; at < data.length; at += PER_LINE) {
    const part = data.subarray(at, at + PER_LINE)
    const digits = Array.from(part, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const letters = Array.from(part, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.'))
    lines.push(`${at.toString(16).padStart(8, '0')}  ${digits.padEnd(PER_LINE * 3)} ${letters.join('')}`)
  }
  return lines.join('\n')
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
}
