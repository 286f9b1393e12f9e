import type { Channel } from './api.ts'
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
    const pattern = own ?? patternOf(channel, pathname, isTopic.has(channel))
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

function patternOf({ address: said = '' }: Channel, pathname: string, isTopic: boolean): string {
  // The query is for bindings, and a name is one of a pattern: letters, digits and underscores.
  const address = (/^wss?:\/\//.test(said) ? pathOfUrl(said) : said)
    .replace(/[?#].*$/, '')
    .replaceAll(/\{([^{}]+)\}/g, (_, name: string) => `{${parameterName(name)}}`)
  if (isTopic || address === '') return pathname || '/'
  // Some say the whole path in both places.
  if (pathname !== '' && (address === pathname || address.startsWith(`${pathname}/`))) return address
  const path = `${pathname}/${address.replace(/^\//, '')}`
  return path.length > 1 ? path.replace(/\/$/, '') : path
}

/** As a pattern has it. */
export function parameterName(name: string): string {
  return name.replaceAll(/\W/g, '_')
}

function parametersIn(pattern: string): number {
  return pattern.split('{').length - 1
}
