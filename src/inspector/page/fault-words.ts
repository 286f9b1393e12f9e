import type { FaultCounts, Faults, LinkFaults, Span, MessageChoice } from '../../engine/handler/faults.ts'
import { bytes, closeCode, whole } from './format.ts'

const COUNTED: Readonly<Record<keyof FaultCounts, string>> = {
  refused: 'handshakes refused',
  delayed: 'held back',
  dropped: 'lost',
  duplicated: 'doubled',
  reordered: 'overtaken',
  corrupted: 'damaged',
  disconnected: 'disconnected',
  halfOpened: 'half open',
}

/** What has happened so far. */
export function countsInWords(counts: FaultCounts): string {
  const names = Object.keys(counts) as (keyof FaultCounts)[]
  const some = names.filter((name) => counts[name] > 0)
  return some.map((name) => `${whole(counts[name])} ${COUNTED[name]}`).join(', ')
}

/** @param given - as the server shows them: a function is a word */
export function faultsInWords(given: unknown): string {
  if (typeof given !== 'object' || given === null) return 'what a function of the handler says'
  const { incoming, handshake, disconnect, halfOpen, ...out } = given as Faults
  const parts = [
    ['to clients', linkInWords(out)],
    ['from clients', linkInWords(incoming ?? {})],
    ['handshakes', handshake ? handshakeInWords(handshake) : []],
    ['connections', disconnect ? [disconnectInWords(disconnect)] : []],
    ['connections', halfOpen ? [halfOpenInWords(halfOpen)] : []],
  ] as const
  const said = parts.filter(([, words]) => words.length > 0)
  return said.length === 0
    ? 'nothing is wrong'
    : said.map(([whose, words]) => `${whose}: ${words.join(', ')}`).join('; ')
}

function linkInWords(link: LinkFaults): readonly string[] {
  const { latency, bandwidth, stall = false, drop, duplicate, reorder, corrupt } = link
  return [
    ...(latency === undefined ? [] : [`${spanInWords(latency)} ms late`]),
    ...(bandwidth === undefined ? [] : [`${bytes(bandwidth)} a second`]),
    ...(stall ? ['all held back'] : []),
    ...whichInWords(drop, 'lost'),
    ...whichInWords(duplicate, 'doubled'),
    ...whichInWords(reorder, 'overtaken'),
    ...whichInWords(corrupt, 'damaged'),
  ]
}

function handshakeInWords({ delay, refuse, with: how = 503 }: NonNullable<Faults['handshake']>): string[] {
  const answer =
    typeof how === 'number'
      ? `with ${how}`
      : typeof how === 'object'
        ? `with ${closeCode(how.code)} behind the 101`
        : { hangup: 'without an answer', hang: 'by never answering' }[how]
  return [
    ...(delay === undefined ? [] : [`${spanInWords(delay)} ms late`]),
    ...whichInWords(refuse, `refused ${answer}`),
  ]
}

function disconnectInWords(disconnect: NonNullable<Faults['disconnect']>): string {
  const { connections = 1, after, afterMessages, afterBytes, code } = disconnect
  const when = [
    ...(after === undefined ? [] : [`${spanInWords(after)} ms`]),
    ...(afterMessages === undefined ? [] : [`${spanInWords(afterMessages)} messages`]),
    ...(afterBytes === undefined ? [] : [bytes(afterBytes)]),
  ]
  const how = code === undefined ? 'cut' : `closed with ${closeCode(code)}`
  const [what = how] = whichInWords(connections, how)
  return `${what} ${when.length === 0 ? 'at once' : `after ${when.join(' or ')}`}`
}

function halfOpenInWords(halfOpen: NonNullable<Faults['halfOpen']>): string {
  const { connections = 1, after } = typeof halfOpen === 'object' ? halfOpen : {}
  const [what = 'half open'] = whichInWords(connections, 'half open')
  return `${what}${after === undefined ? '' : ` after ${spanInWords(after)} ms`}`
}

function spanInWords(span: Span): string {
  if (typeof span === 'number') return String(span)
  const [least, most] = span
  return `${least} to ${most}`
}

/** None, or one. */
function whichInWords(which: MessageChoice | undefined, what: string): readonly string[] {
  if (which === undefined) return []
  if (typeof which === 'number') return [which === 1 ? `all ${what}` : `${percentOf(which)} ${what}`]
  const { rate, first, after, nth, every, match } = which
  const ones = [
    ...(rate === undefined ? [] : [percentOf(rate)]),
    ...(first === undefined ? [] : [`the first ${first}`]),
    ...(after === undefined ? [] : [`those behind ${after}`]),
    ...(nth === undefined ? [] : [`number ${[nth].flat().join(', ')}`]),
    ...(every === undefined ? [] : [`1 in ${every}`]),
    ...(match === undefined ? [] : ['those that a function takes']),
  ]
  return [`${ones.length === 0 ? 'all' : ones.join(' of ')} ${what}`]
}

function percentOf(rate: number): string {
  return `${Number((rate * 100).toPrecision(4))} %`
}
