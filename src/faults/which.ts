import type { Faults, Span, Choice, MessageChoice, ChoiceRule } from '../engine/handler/faults.ts'
import type { Stream } from './chance.ts'

const NONE: ChoiceRule = { rate: 0 }

/** A number alone is a rate. */
export function onesOf<Given extends Choice | MessageChoice>(
  which: Given | undefined,
): Exclude<Given, number> {
  if (which === undefined) return NONE as Exclude<Given, number>
  return (typeof which === 'number' ? { rate: which } : which) as Exclude<Given, number>
}

/** Whether the n-th, from 1, is among them, but for chance. */
function isCounted({ first, after, nth, every }: ChoiceRule, n: number): boolean {
  if (first !== undefined && n > first) return false
  if (after !== undefined && n <= after) return false
  if (every !== undefined && n % every !== 0) return false
  if (nth === undefined) return true
  return typeof nth === 'number' ? nth === n : nth.includes(n)
}

/**
 * @param draw - from 0 to below 1
 * @returns `undefined` if the n-th is none of them; else what is left of the chance, from 0 to below 1
 */
export function choose(ones: ChoiceRule, n: number, draw: number): number | undefined {
  const { rate = 1 } = ones
  return isCounted(ones, n) && draw < rate ? draw / rate : undefined
}

/** A whole number of it. */
export function wholeWithin(span: Span, stream: Stream): number {
  if (typeof span === 'number') return Math.ceil(span)
  const [min, max] = span
  return Math.ceil(min) + Math.floor(stream() * (Math.floor(max) - Math.ceil(min) + 1))
}

const OF_A_LINK = ['latency', 'bandwidth', 'stall', 'drop', 'duplicate', 'reorder', 'corrupt'] as const

/** Whether they do anything to a connection that is open. */
export function needsLink(faults: Faults): boolean {
  const { incoming = {}, disconnect, halfOpen } = faults
  return Boolean(disconnect || halfOpen) || OF_A_LINK.some((name) => faults[name] || incoming[name])
}

/** Whether any of it is left to chance. */
export function leavesToChance(faults: object): boolean {
  return Object.entries(faults).some(([name, value]: [string, unknown]) => {
    if (name === 'seed' || name === 'nth') return false
    if (typeof value === 'number') return value > 0 && value < 1
    if (Array.isArray(value)) return value[0] !== value[1]
    return typeof value === 'object' && value !== null && leavesToChance(value)
  })
}
