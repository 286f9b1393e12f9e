import type { FaultPage, FaultRow, Faults, Span, Choice } from '../index.ts'
import { PROFILES, type ProfileName } from '../faults/by-name.ts'
import { SidewireError } from '../engine/errors.ts'
import { ControlClient } from './control-client.ts'

export interface FaultFlags {
  readonly profile?: ProfileName
  readonly latency?: Span
  readonly bandwidth?: number
  readonly stall?: true
  readonly drop?: Choice
  readonly duplicate?: Choice
  readonly reorder?: Choice
  readonly corrupt?: Choice
  readonly incoming?: true
  readonly delay?: Span
  readonly refuse?: Choice
  readonly with?: number | 'hangup' | 'hang'
  readonly cut?: Span | true
  readonly code?: number
  readonly halfOpen?: true
  readonly seed?: string
  readonly for?: number
  readonly connection?: string
  readonly token?: string
}

/** `sidewire faults <url> [set|lift] [pattern]` */
export async function faults(
  url: string,
  action: 'list' | 'set' | 'lift',
  pattern: string,
  flags: FaultFlags,
): Promise<void> {
  assertSaid(action, pattern, flags)
  const client = new ControlClient(url, flags.token)
  const query = flags.connection === undefined ? '' : `?connection=${encodeURIComponent(flags.connection)}`
  const path = `faults${pattern === '*' ? '' : encodeURI(pattern)}${query}`
  const page = await client.ask<FaultPage>(
    action === 'list' ? 'faults' : path,
    action === 'set' ? { faults: faultsOf(flags), for: flags.for } : undefined,
    { list: 'GET', set: 'PUT', lift: 'DELETE' }[action],
  )
  if (page.faults.length === 0) console.log('no faults')
  for (const row of page.faults) console.log(lineOf(row))
}

/** What would do something else than it looks like, or nothing. */
function assertSaid(action: 'list' | 'set' | 'lift', pattern: string, flags: FaultFlags): void {
  const { seed: _seed, ...withoutSeed } = flags
  const { token: _token, connection, for: _for, ...more } = withoutSeed
  const [first] = Object.keys(more)
  if (action !== 'set' && first !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `sidewire faults ${action} takes no --${dashed(first)}: sidewire faults <url> set [pattern] --${dashed(first)} ... switches it on`,
    )
  if (flags.code !== undefined && flags.cut === undefined)
    throw new SidewireError('ERR_OPTION', '--code says what connections are closed with: --cut closes them')
  if (action === 'set' && Object.keys(faultsOf(withoutSeed)).length === 0)
    throw new SidewireError(
      'ERR_OPTION',
      'sidewire faults set needs what is to go wrong, such as --latency 200, --drop 5% or --profile slow3g; `lift` makes all well again',
    )
  if (connection !== undefined && pattern !== '*')
    throw new SidewireError(
      'ERR_OPTION',
      `--connection is one connection, and ${pattern} is all of a handler: leave one of the two out`,
    )
}

function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function faultsOf(flags: FaultFlags): Faults {
  const { latency, bandwidth, stall, drop, duplicate, reorder, corrupt, incoming } = flags
  const link = defined({ latency, bandwidth, stall, drop, duplicate, reorder, corrupt })
  const handshake = defined({
    delay: flags.delay,
    refuse: flags.refuse ?? (flags.with && 1),
    with: flags.with,
  })
  const after = flags.cut === true ? undefined : flags.cut
  return {
    ...(flags.profile && PROFILES[flags.profile]),
    ...(incoming ? { incoming: link } : link),
    ...(Object.keys(handshake).length > 0 && { handshake }),
    ...(flags.cut !== undefined && { disconnect: defined({ after, code: flags.code }) }),
    ...defined({ halfOpen: flags.halfOpen, seed: flags.seed }),
  }
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>
}

function lineOf({ pattern, connection, faults: on, seed, counts, by, until }: FaultRow): string {
  const whose = connection === undefined ? pattern : `${pattern} (connection ${connection})`
  const happened = Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []))
  const end = until === undefined ? '' : ` until ${new Date(until).toLocaleTimeString()}`
  return `${whose}: ${JSON.stringify(on)} by ${by}${end}, seed ${seed}${happened.length > 0 ? `; ${happened.join(', ')}` : ''}`
}
