import type { Document } from '../documents/document.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import { createLogger } from '../engine/logger.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { Api, Channel } from './api.ts'
import { asyncApiError } from './error.ts'
import { Files } from './files.ts'
import { Generation } from './generation.ts'
import { makeHandler, type Made } from './handlers.ts'
import { Node } from './node.ts'
import { Notes, type Note } from './notes.ts'
import { assertKnown, resolveAsyncApiOptions, type AsyncApiOptions, type Settings } from './options.ts'
import { groupsOf } from './patterns.ts'
import { loadPeers } from './peers.ts'
import { perspectiveOf, type Perspective } from './perspective.ts'
import { Samples } from './samples.ts'
import { transportOf, type Transport } from './servers.ts'
import { checkSpelling } from './spelling.ts'
import { Validation } from './validation.ts'
import { readVersion2 } from './version-2.ts'
import { readVersion3 } from './version-3.ts'

/** What a document comes to. */
export interface AsyncApiMock {
  readonly handlers: readonly UniversalApiWsHandler[]
  /** What there is to say of it, for who prints it: nothing of it has been logged. */
  readonly notes: readonly Note[]
  readonly title: string
  readonly perspective: Perspective
  /** Each handler, with what is said on it. */
  readonly made: readonly Made[]
}

/** So many schemas are compiled in a fraction of a second. */
const LOOKED_AT = 100

/**
 * Handlers of a document, and what there is to say of it.
 * @param about - `limit`: how many of the messages that are sent are looked at now, and not when they are sent; `document`: what
 * the file says, if it has been read
 * @throws `ERR_ASYNCAPI`, naming file, line and JSON pointer; `ERR_OPTION`
 */
export function loadAsyncApi(
  source: string | URL | object,
  options: AsyncApiOptions = {},
  { limit = LOOKED_AT, document }: { readonly limit?: number; readonly document?: Document } = {},
): AsyncApiMock {
  const settings = resolveAsyncApiOptions(options)
  const files = new Files(source, document)
  const { name } = files.main
  const notes = new Notes()
  const api = read(new Node(files), notes)
  const transport = transportOf(api, settings.server, notes)
  const perspective = sideOf(api, transport, settings)
  notes.info(`${name} is taken for ${inWords(perspective, settings)}`)
  const ids = transport.channels.map(({ id }) => id)
  assertKnown('patterns', Object.keys(settings.patterns), ids)
  const groups = groupsOf(transport, settings.patterns, notes)
  for (const { channels } of groups) warnOfSilence(channels, api, notes)
  const places = [...ids, ...groups.map(({ pattern }) => pattern)]
  assertKnown('scenarios', Object.keys(settings.scenarios), places)
  const peers = loadPeers(files.folder)
  const logger = settings.logger ?? createLogger('info')
  const validation = new Validation(peers, files, notes)
  const generation = new Generation({ peers, files, validation, notes }, settings)
  const samples = new Samples(generation, validation, notes, settings.samples === 'generate')
  const workshop = { api, side: perspective.side, settings, validation, samples, logger }
  const all = groups.map((group) => makeHandler(group, workshop))
  // What is wrong with an example, or has none that fits, is said before a client comes; but a thousand messages would hold the start.
  const sent = [...new Set(all.flatMap(({ talk }) => talk.outgoing))].filter(
    ({ foreign }) => foreign === undefined,
  )
  for (const message of sent.slice(0, limit)) samples.of(message, 1)
  if (sent.length > limit)
    notes.info(
      `${name}: of ${sent.length} messages ${limit} have been looked at, the others are when they are sent; \`sidewire asyncapi check\` looks at all`,
    )
  const made = all.flatMap((each) => {
    const handler = adapted(each, settings)
    return handler ? [{ ...each, handler }] : []
  })
  const said = notes.all
  notes.handOver(({ level, text }) => logger[level](text))
  return { handlers: made.map(({ handler }) => handler), notes: said, title: api.title, perspective, made }
}

/** @throws `ERR_OPTION` for what is no handler */
function adapted({ handler, channelIds }: Made, { adapt }: Settings): UniversalApiWsHandler | undefined {
  const result: unknown = adapt(handler, channelIds)
  if (
    result === undefined ||
    (typeof result === 'object' && result !== null && !Array.isArray(result) && !('then' in result))
  )
    return result as UniversalApiWsHandler | undefined
  throw new SidewireError(
    'ERR_OPTION',
    `option "adapt" of fromAsyncApi() returned ${result instanceof Promise ? 'a promise' : describe(result)} for "${handler.pattern}"; ` +
      'it has to return a handler, or undefined to leave it out',
  )
}

function read(root: Node, notes: Notes): Api {
  const version = root.get('asyncapi')
  const other = root.get('openapi') ?? root.get('swagger')
  if (!version && other)
    throw asyncApiError(
      `${other.where}: this is an OpenAPI document, which describes HTTP, and no AsyncAPI document; that begins with "asyncapi: 3.1.0", or another version`,
    )
  if (!version)
    throw asyncApiError(
      `${root.where}: this is no AsyncAPI document; it has to begin with "asyncapi: 3.1.0", or another version`,
    )
  checkSpelling(root, notes)
  if (/^2\.\d+/.test(String(version.value))) return readVersion2(root, notes)
  if (/^3\.\d+/.test(String(version.value))) return readVersion3(root, notes)
  throw asyncApiError(
    version.value === 2 || version.value === 3
      ? `${version.where}: the version is the number ${version.value}, and has to be a text; write asyncapi: '${version.value}.0.0'`
      : `${version.where}: this version of AsyncAPI, ${describe(version.value)}, is not known here; 2.x and 3.x are`,
  )
}

/** A path on which nothing is said is not what anybody means. */
function warnOfSilence(channels: readonly Channel[], { operations }: Api, notes: Notes): void {
  if (operations.some(({ channel }) => channels.includes(channel))) return
  for (const { id, messages, node } of channels)
    notes.warn(
      `${node.where}: the channel "${id}" has ${messages.length > 0 ? 'messages, but no operation that sends or receives them' : 'no messages and no operation'}; ` +
        'clients can connect, and nothing is said',
    )
}

function sideOf(api: Api, { channels }: Transport, { perspective }: Settings): Perspective {
  return perspective === 'auto'
    ? perspectiveOf(api, channels)
    : { side: perspective, reason: 'the option says so' }
}

function inWords({ side, reason }: Perspective, { perspective }: Settings): string {
  const other = side === 'server' ? 'client' : 'server'
  const hint = perspective === 'auto' ? `; perspective: '${other}' turns it round` : ''
  return `the document of the ${side}, because ${reason}${hint}`
}
