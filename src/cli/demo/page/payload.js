import { make } from './dom.js'

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

export function prettyJson(value) {
  return JSON.stringify(value, undefined, 2)
}

/** JSON with its tokens in colours; text that is no JSON passes through nearly plain. */
export function highlight(text) {
  const parts = document.createDocumentFragment()
  if (!/^[[{]/.test(text)) {
    parts.append(text)
    return parts
  }
  let end = 0
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon = ''] = match
    const kind = string === undefined ? 'literal' : colon ? 'key' : 'string'
    parts.append(
      text.slice(end, match.index),
      make('span', { className: kind, textContent: string ?? whole }),
      colon,
    )
    end = match.index + whole.length
  }
  parts.append(text.slice(end))
  return parts
}

/** Offset, bytes and characters, 16 bytes a line. */
export function hexDump(data, limit) {
  const bytes = new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, Math.min(data.byteLength, limit))
  const lines = []
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const row = [...bytes.subarray(offset, offset + 16)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('')
    lines.push(`${offset.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`)
  }
  if (data.byteLength > limit) lines.push(`… (${data.byteLength} bytes)`)
  return lines.join('\n')
}
