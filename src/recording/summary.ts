import { relative } from 'node:path'
import type { Conversion } from './convert.ts'
import type { RecordingSummary } from './recorder.ts'
import type { SecretCounts } from './redaction.ts'

/** What has become of a recording, for who will look at it next. */
export function sentenceOf(summary: RecordingSummary): string {
  const { file, connections, refused, bytes, redacted } = summary
  const name = relative('', file)
  if (connections + refused === 0) return `nothing was recorded: no client came, and there is no ${name}`
  return `recorded ${contentOf(summary)} in ${name} (${size(bytes)})${secretsOf(redacted)}; read it before you commit it`
}

/** The same of what was made of another one. */
export function sentenceOfConversion(conversion: Conversion): string {
  const { file, redacted } = conversion
  return `wrote ${contentOf(conversion)} to ${relative('', file)}${secretsOf(redacted)}; read it before you commit it`
}

function contentOf({
  connections,
  messages,
  refused,
}: Pick<RecordingSummary, 'connections' | 'messages' | 'refused'>): string {
  const counts = [count(connections, 'connection'), count(messages, 'message')]
  if (refused > 0) counts.push(count(refused, 'refusal'))
  return counts.join(', ')
}

function secretsOf(redacted: SecretCounts): string {
  const left = Object.entries(redacted).map(([kind, n]) => `${n} by ${kind}`)
  return left.length > 0 ? `; left out: ${left.join(', ')}` : ''
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

function size(bytes: number): string {
  return bytes < 10_000
    ? `${bytes} bytes`
    : bytes < 1e6
      ? `${(bytes / 1000).toFixed(1)} KB`
      : `${(bytes / 1e6).toFixed(1)} MB`
}
