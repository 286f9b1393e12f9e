import { SidewireError } from '../../engine/errors.ts'
import { MAX_CONNECTIONS } from '../token.ts'

/** A part of a run, in which the load goes in a straight line from what it was before to a target. */
export interface Stage {
  /** As it was asked for. */
  readonly text: string
  /** Milliseconds; 0 jumps. */
  readonly duration: number
  /** Messages a second, or connections. */
  readonly target: number
  readonly of: 'rate' | 'connections'
}

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const MAX_MS = 86_400_000
const MAX_RATE = 1e8
const HOW =
  "write a duration and a target, such as '30s:500/s' (messages a second) or '30s:200c' (connections)"

/** @throws `ERR_OPTION` with the place marked */
export function parseStage(text: string): Stage {
  const refuse = (from: number, to: number, why: string): never => {
    throw new SidewireError('ERR_OPTION', `option "--stage" is "${marked(text, from, to)}"; ${why}`)
  }
  const colon = text.indexOf(':')
  if (colon === -1) return refuse(text.length, text.length, HOW)
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.slice(0, colon)) ?? []
  if (amount === undefined)
    return refuse(0, colon, "the duration has to be a number with ms, s, m or h, such as '30s'; 0s jumps")
  const duration = Number(amount) * MS[unit as keyof typeof MS]
  if (duration > MAX_MS) return refuse(0, colon, 'a stage takes at most a day')
  const [, count, factor, what] = /^(\d+(?:\.\d+)?)([kM]?)(\/s|c)$/.exec(text.slice(colon + 1)) ?? []
  if (count === undefined) return refuse(colon + 1, text.length, `the target has to end in /s or c; ${HOW}`)
  const target = Number(count) * (factor === 'k' ? 1e3 : factor === 'M' ? 1e6 : 1)
  if (what === '/s') {
    if (target > MAX_RATE) return refuse(colon + 1, text.length, 'the rate is at most 100M/s')
    return { text, duration, target, of: 'rate' }
  }
  if (!Number.isInteger(target) || target > MAX_CONNECTIONS)
    return refuse(colon + 1, text.length, `connections are a whole number, at most ${MAX_CONNECTIONS}`)
  return { text, duration, target, of: 'connections' }
}

/** @throws `ERR_OPTION` if the stages cannot be parts of one run */
export function parseStages(texts: readonly string[]): readonly Stage[] {
  const stages = texts.map(parseStage)
  const refuse = (why: string): never => {
    throw new SidewireError('ERR_OPTION', `option "--stage" is "${texts.join('" and "')}"; ${why}`)
  }
  if (stages.some(({ of }) => of !== stages[0]?.of))
    refuse('the stages of a run are all of a rate (/s) or all of connections (c): choose one')
  if (stages.length > 0 && durationOf(stages) === 0)
    refuse('all stages together take no time: give one a duration')
  if (stages.length > 0 && stages.every(({ target }) => target === 0))
    refuse('no stage asks for any load: give one a target above 0')
  return stages
}

export function durationOf(stages: readonly Stage[]): number {
  return stages.reduce((sum, { duration }) => sum + duration, 0)
}

/** A text with a part of it between marks: of an option that is no secret, and whose @ is no user of a URL. */
export function marked(text: string, from: number, to: number): string {
  return `${text.slice(0, from)}»${text.slice(from, to)}«${text.slice(to)}`
}
