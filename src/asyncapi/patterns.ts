import { SidewireError } from '../engine/errors.ts'
import { compilePattern } from '../engine/handshake/routing.ts'
import type { Channel } from './api.ts'
import { asyncApiError } from './error.ts'
import type { Notes } from './notes.ts'
import { pathOfUrl, type Transport } from './servers.ts'

/** The channels of one handler. */
export interface Group {
  readonly pattern: string
  readonly channels: readonly Channel[]
}

/**
 * Where the channels are. Several at one address are one handler, with the messages of all of them.
 * @param patterns - of the user, by the id of a channel
 * @throws `ERR_ASYNCAPI` for an address that no client could ask for, `ERR_OPTION` for such a pattern of the user
 */
export function groupsOf(
  { server, channels }: Transport,
  patterns: Readonly<Record<string, string>>,
  notes: Notes,
): readonly Group[] {
  const pathname = server?.pathname ?? ''
  const isTopic = topicsOf(channels, pathname)
  const groups = new Map<string, Channel[]>()
  for (const channel of channels) {
    const own = Object.hasOwn(patterns, channel.id) ? patterns[channel.id] : undefined
    const pattern = own ?? patternOf(channel, pathname, isTopic.has(channel), notes)
    if (own === undefined) assertAddress(channel, pattern)
    else assertPattern(channel.id, own)
    groups.set(pattern, [...(groups.get(pattern) ?? []), channel])
    for (const name of channel.parameters.keys())
      if (!pattern.includes(`{${parameterName(name)}}`) && channel.address?.includes(`{${name}}`) !== true)
        notes.warn(`${channel.node.where}: the parameter "${name}" is not in the address, and is left out`)
  }
  if (isTopic.size > 0)
    notes.info(
      `${[...isTopic]
        .map(({ id }) => `"${id}"`)
        .slice(0, 3)
        .join(', ')}${isTopic.size > 3 ? ' and others' : ''} have no path as address; ` +
        `they are messages at ${pathname || '/'} (option "patterns" gives them others)`,
    )
  // The first that matches takes a client: what is written out stands before what has parameters.
  return [...groups]
    .map(([pattern, members]) => ({ pattern, channels: members }))
    .toSorted((one, another) => parametersIn(one.pattern) - parametersIn(another.pattern))
}

/** What is called by a topic, of which several share a connection: `order_book/{id}`, `(connection)`, nothing at all. */
function topicsOf(channels: readonly Channel[], pathname: string): ReadonlySet<Channel> {
  const bare = channels.filter(({ address }) => address === undefined || !address.startsWith('/'))
  return new Set(pathname === '' || bare.length < 2 ? bare.filter(({ address }) => !isPath(address)) : bare)
}

function isPath(address: string | undefined): boolean {
  return address !== undefined && /^(?:wss?:\/\/)?[\w./{}~%:?=&-]+$/.test(address)
}

function patternOf(channel: Channel, pathname: string, isTopic: boolean, notes: Notes): string {
  const said = channel.address ?? ''
  // The query is for bindings, and a name is one of a pattern: letters, digits and underscores.
  const address = (/^wss?:\/\//.test(said) ? pathOfUrl(said) : withoutQuery(said, channel, notes)).replaceAll(
    /\{([^{}]+)\}/g,
    (whole, name: string) => (NAME.test(name) ? `{${parameterName(name)}}` : whole),
  )
  if (isTopic || address === '') return pathname || '/'
  // Some say the whole path in both places.
  if (pathname !== '' && (address === pathname || address.startsWith(`${pathname}/`))) return address
  const path = `${pathname}/${address.replace(/^\//, '')}`
  return path.length > 1 ? path.replace(/\/$/, '') : path
}

/** A name in braces; what else stands there, such as `{id?}` or `{id:\d+}`, means something in a pattern, and nothing in an address. */
const NAME = /^[\p{L}\p{N}_.$ -]+$/u

/** What stands in braces is none of it. */
function withoutQuery(address: string, channel: Channel, notes: Notes): string {
  const [path = '', rest = ''] = /^((?:\{[^{}]*\}|[^?#])*)(.*)$/.exec(address)?.slice(1) ?? []
  if (rest !== '' && !/^\?[^/=]+=/.test(rest))
    notes.warn(
      `${whereIs(channel)}: "${rest}" is left out of the address: a path ends at "${rest.charAt(0)}"; what is asked of a query stands in bindings.ws.query`,
    )
  return path
}

/** What is a wildcard in a pattern is text in an address, and would match what the document does not mean. */
function assertAddress(channel: Channel, pattern: string): void {
  const bare = pattern.replaceAll(/\{([^{}]*)\}/g, '')
  const [mark] = /[*?]/.exec(bare) ?? []
  const odd = [...pattern.matchAll(/\{([^{}]*)\}/g)].find(([, name = '']) => !NAME.test(name))
  const what =
    mark === undefined
      ? odd
        ? `"${odd[0]}", and a parameter is a name in braces: letters, digits and _`
        : mistakeOf(pattern)
      : `a "${mark}", which an address has no use for, and a pattern takes for any text`
  if (what === undefined) return
  const key = JSON.stringify(channel.id)
  throw asyncApiError(
    `${whereIs(channel)}: the address "${channel.address ?? ''}" of the channel ${key} makes the pattern "${pattern}", which has ${what}; ` +
      `change the address, or give the channel a pattern: patterns: { ${key}: '/...' }`,
  )
}

function assertPattern(id: string, pattern: string): void {
  const what = mistakeOf(pattern)
  if (what !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "patterns" of fromAsyncApi() has "${pattern}" for "${id}", which has ${what}`,
    )
}

function mistakeOf(pattern: string): string | undefined {
  try {
    compilePattern(pattern)
    return undefined
  } catch (error) {
    return (error as Error).message.replace(/^pattern ".*?" has /s, '')
  }
}

/** With the line of the address, where it has one of its own. */
function whereIs({ node }: Channel): string {
  return (node.get('address') ?? node).where
}

/** As a pattern has it. */
export function parameterName(name: string): string {
  return name.replaceAll(/\W/g, '_')
}

function parametersIn(pattern: string): number {
  return pattern.split('{').length - 1
}
