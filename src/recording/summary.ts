import { relative } from 'node:path'
import type { RecordingSummary } from './recorder.ts'

/** What has become of a recording, for who will look at it next. */
export function sentenceOf(summary: RecordingSummary): string {
  const { file, connections, messages, refused, bytes, redacted } = summary
  const name = relative('', file)
  if (connections + refused === 0) return `nothing was recorded: no client came, and there is no ${name}`
  const counts = [count(connections, 'connection'), count(messages, 'message')]
  if (refused > 0) counts.push(count(refused, 'refusal'))
  const left = Object.entries(redacted).map(([kind, n]) => `${n} by ${kind}`)
  const secrets = left.length > 0 ? `; left out: ${left.join(', ')}` : ''
  return `recorded ${counts.join(', ')} in ${name} (${size(bytes)})${secrets}; read it before you commit it`
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
