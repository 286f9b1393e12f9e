import type { Faults, LinkFaults } from '../../engine/handler/faults.ts'

/** What stands in the form of the faults, as it was typed. */
export interface FaultDraft {
  /** The name of a network, or nothing. */
  readonly profile: string
  /** Which messages `latency`, `drop` and `stall` are about. */
  readonly direction: 'out' | 'in' | 'both'
  readonly latency: string
  readonly latencyTo: string
  readonly drop: string
  readonly stall: boolean
  readonly cut: 'no' | 'now' | 'after'
  readonly cutAfter: string
  readonly refuse: 'no' | 'status' | 'hangup' | 'hang'
  readonly status: string
  readonly seed: string
  readonly seconds: string
}

export type FaultField = keyof FaultDraft

/** What is wrong, by field. */
export type Troubles = Readonly<Partial<Record<FaultField, string>>>

export interface Meant {
  /** `undefined`: nothing is given, or something is wrong. */
  readonly faults: Faults | undefined
  /** Milliseconds. */
  readonly for: number | undefined
  readonly troubles: Troubles
}

export const NOTHING: FaultDraft = {
  profile: '',
  direction: 'out',
  latency: '',
  latencyTo: '',
  drop: '',
  stall: false,
  cut: 'no',
  cutAfter: '',
  refuse: 'no',
  status: '503',
  seed: '',
  seconds: '',
}

const MAX_MS = 2 ** 31 - 1

/**
 * What is given comes on top of the profile.
 * @param hasHandshake - whether they are for handshakes too: a connection that is open has its own behind it
 */
export function read(draft: FaultDraft, profile: Faults | undefined, hasHandshake: boolean): Meant {
  const troubles: Partial<Record<FaultField, string>> = {}
  const number = (field: 'latency' | 'latencyTo' | 'drop' | 'cutAfter' | 'status' | 'seconds') => {
    const text = draft[field].trim()
    if (text === '') return undefined
    const value = Number(text)
    if (!/^\d+(?:\.\d+)?$/.test(text)) troubles[field] = 'This is no number.'
    else if (value > MAX_MS) troubles[field] = `This is more than ${MAX_MS}.`
    return troubles[field] === undefined ? value : undefined
  }

  const [least, most, percent] = [number('latency'), number('latencyTo'), number('drop')]
  if (most !== undefined && draft.latency.trim() === '') troubles.latency = 'From how many on?'
  if (least !== undefined && most !== undefined && most < least)
    troubles.latencyTo = `This is less than ${least}.`
  if (percent !== undefined && percent > 100) troubles.drop = 'It has to be from 0 to 100.'
  const link: LinkFaults = {
    ...(least !== undefined && { latency: most === undefined ? least : ([least, most] as const) }),
    ...(percent !== undefined && { drop: percent / 100 }),
    ...(draft.stall && { stall: true }),
  }

  const after = draft.cut === 'after' ? number('cutAfter') : undefined
  if (draft.cut === 'after' && after === undefined) troubles.cutAfter ??= 'After how many milliseconds?'
  const refuses = hasHandshake && draft.refuse !== 'no'
  const status = refuses && draft.refuse === 'status' ? number('status') : undefined
  if (refuses && draft.refuse === 'status' && !isRefusal(status))
    troubles.status ??= 'It has to be a status from 400 to 599.'

  const seconds = number('seconds')
  const ms = seconds === undefined ? undefined : seconds * 1000
  if (ms !== undefined && (ms < 1 || ms > MAX_MS))
    troubles.seconds = `It has to be from 0.001 to ${Math.floor(MAX_MS / 1000)}.`

  const { handshake, ...ofConnection } = profile ?? {}
  const given: Faults = {
    ...ofConnection,
    ...(hasHandshake && handshake && { handshake }),
    ...(draft.direction !== 'in' && link),
    ...(draft.direction !== 'out' && hasAny(link) && { incoming: { ...profile?.incoming, ...link } }),
    ...(draft.cut !== 'no' && { disconnect: after === undefined ? {} : { after } }),
    ...(refuses && {
      handshake: { refuse: 1, with: draft.refuse === 'status' ? (status ?? 503) : draft.refuse },
    }),
  }
  const isComplete = hasAny(given) && !hasAny(troubles)
  return {
    faults: isComplete ? { ...given, ...seedOf(draft.seed) } : undefined,
    for: ms,
    troubles,
  }
}

function isRefusal(status: number | undefined): boolean {
  return status !== undefined && Number.isInteger(status) && status >= 400 && status <= 599
}

/** A number where it is one: `7` and `'7'` bring the same decisions, and a config that says `seed: 7` shows it so. */
function seedOf(text: string): Pick<Faults, 'seed'> {
  const seed = text.trim()
  if (seed === '') return {}
  return { seed: /^-?\d{1,15}$/.test(seed) ? Number(seed) : seed }
}

function hasAny(value: object): boolean {
  return Object.keys(value).length > 0
}

/** Which field an error of the server is about: it names the option. */
export function fieldOf(message: string): FaultField | undefined {
  const [, path = ''] = /^option "([^"]+)"/.exec(message) ?? []
  const last = path.replace(/^incoming\./, '').replace(/\[\d+\]$/, '')
  return FIELDS[last]
}

const FIELDS: Readonly<Record<string, FaultField>> = {
  latency: 'latency',
  drop: 'drop',
  stall: 'stall',
  disconnect: 'cut',
  'disconnect.after': 'cutAfter',
  handshake: 'refuse',
  'handshake.with': 'status',
  seed: 'seed',
  for: 'seconds',
}
