import type { Expected, SentFrame } from './notation.ts'
import { isEnd } from './run-case.ts'
import type { Seen } from './wire-client.ts'

type Wanted = Expected | SentFrame

/** Whether just this came back, in this order, with the right end. */
export function isAsExpected(seen: readonly Seen[], expected: readonly Wanted[]): boolean {
  const wanted = expected.filter(({ kind }) => kind !== 'dropped' && kind !== 'unanswered')
  const end = isEnd(expected.at(-1)) ? 'end' : 'alive'
  return (
    seen.length === wanted.length + 1 &&
    seen.at(-1)?.kind === end &&
    wanted.every((one, index) => fits(seen[index] as Seen, one)) // as many as there are, and one
  )
}

function fits(seen: Seen, wanted: Wanted): boolean {
  switch (wanted.kind) {
    case 'frame':
      return (
        seen.kind === 'frame' &&
        seen.opcode === wanted.opcode &&
        seen.payload.equals(Buffer.from(wanted.payload)) &&
        (!('compressed' in wanted) || wanted.compressed === seen.compressed)
      )
    case 'close':
      return (
        seen.kind === 'close' &&
        wanted.codes.includes(seen.code) &&
        (wanted.reason === undefined || wanted.reason === seen.reason)
      )
    case 'response':
      return (
        seen.kind === 'response' &&
        wanted.statuses.includes(seen.status) &&
        Object.entries(wanted.headers).every(([name, value]) => seen.headers[name] === value) &&
        (wanted.extension === undefined ||
          hasAgreed(seen.headers['sec-websocket-extensions'], wanted.extension))
      )
    case 'dropped':
    case 'unanswered':
  }
  return false
}

function hasAgreed(answer: string | undefined, parameters: readonly string[]): boolean {
  const got = answer?.split(';').map((part) => part.trim().replaceAll(/["\s]/g, '')) ?? []
  return got[0] === 'permessage-deflate' && parameters.every((parameter) => got.includes(parameter))
}

const OPCODES: Readonly<Record<number, string>> = { 1: 'text', 2: 'binary', 9: 'ping', 10: 'pong' }

/** What came back, in one line. */
export function describeSeen(seen: readonly Seen[]): string {
  return seen.length === 0 ? 'nothing' : shorten(seen.map(describeEvent))
}

function describeEvent(event: Seen): string {
  if (event.kind === 'response') {
    const extension = event.headers['sec-websocket-extensions']
    return `HTTP ${event.status}${extension ? ` (${extension})` : ''}`
  }
  if (event.kind === 'frame')
    return describeFrame(event.opcode, event.payload) + (event.compressed ? ' compressed' : '')
  if (event.kind === 'close') return event.code === 1005 ? 'an empty close frame' : `close ${event.code}`
  if (event.kind === 'illegal') return `the server ${event.what}`
  return { alive: 'alive', end: 'end of TCP', silence: 'nothing more, and no end' }[event.kind]
}

export function describeExpected(expected: readonly Wanted[]): string {
  const words = expected.map(describeWanted)
  return shorten(isEnd(expected.at(-1)) ? words : [...words, 'alive'])
}

function describeWanted(wanted: Wanted): string {
  if (wanted.kind === 'frame') return describeFrame(wanted.opcode, Buffer.from(wanted.payload))
  if (wanted.kind === 'close')
    return `close ${wanted.codes.map((code) => (code === 1005 ? 'without a code' : code)).join(' or ')}`
  if (wanted.kind === 'response') {
    const extension = wanted.extension && ['permessage-deflate', ...wanted.extension].join('; ')
    return `HTTP ${wanted.statuses.join(' or ')}${extension ? ` (${extension})` : ''}`
  }
  return { dropped: 'end of TCP without a close frame', unanswered: 'no answer' }[wanted.kind]
}

function shorten(words: readonly string[]): string {
  const few =
    words.length > 6 ? [...words.slice(0, 3), `... ${words.length - 5} more ...`, ...words.slice(-2)] : words
  return few.join(', ')
}

function describeFrame(opcode: number, payload: Buffer): string {
  const kind = OPCODES[opcode] ?? `opcode ${opcode}`
  const readable = /^[ -~]{1,20}$/.test(payload.toString('latin1'))
  return readable ? `${kind} "${payload.toString('latin1')}"` : `${kind} of ${payload.length} bytes`
}
