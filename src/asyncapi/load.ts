import { createLogger, type Logger } from '../engine/logger.ts'
import { now } from '../engine/timers.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { Api } from './api.ts'
import { asyncApiError } from './error.ts'
import { Files } from './files.ts'
import { Generation } from './generation.ts'
import { makeHandler, type Made } from './handlers.ts'
import { Node } from './node.ts'
import { Notes, type Note } from './notes.ts'
import { assertKnown, resolveAsyncApiOptions, type AsyncApiOptions } from './options.ts'
import { groupsOf } from './patterns.ts'
import { loadPeers } from './peers.ts'
import { perspectiveOf, type Perspective } from './perspective.ts'
import { Samples } from './samples.ts'
import { transportOf } from './servers.ts'
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

/** Whether a parsed file is an AsyncAPI document. */
export function isAsyncApi(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'asyncapi')
}

/**
 * Handlers of a document, and what there is to say of it.
 * @param onFile - told each file before it is read, also when loading fails
 * @throws `ERR_ASYNCAPI`, naming file, line and JSON pointer; `ERR_OPTION`
 */
export function loadAsyncApi(
  source: string | URL | object,
  options: AsyncApiOptions = {},
  onFile?: (path: string) => void,
): AsyncApiMock {
  const settings = resolveAsyncApiOptions(options)
  const files = new Files(source, onFile)
  const notes = new Notes()
  const api = read(new Node(files), notes)
  const transport = transportOf(api, settings.server, notes)
  const perspective =
    settings.perspective === 'auto'
      ? perspectiveOf(api, transport.channels)
      : { side: settings.perspective, reason: 'the option says so' }
  notes.info(
    `${files.main.name} is taken for the document of the ${perspective.side}, because ${perspective.reason}` +
      (settings.perspective === 'auto'
        ? `; perspective: '${perspective.side === 'server' ? 'client' : 'server'}' turns it round`
        : ''),
  )
  const ids = transport.channels.map(({ id }) => id)
  assertKnown('patterns', Object.keys(settings.patterns), ids)
  const groups = groupsOf(transport, settings.patterns, notes)
  assertKnown('scenarios', Object.keys(settings.scenarios), [...ids, ...groups.map(({ pattern }) => pattern)])
  const peers = loadPeers(files.folder)
  const validation = new Validation(peers, files, notes)
  const generation = new Generation(peers, files, validation, notes, settings.seed)
  const samples = new Samples(generation, validation, notes, settings.samples === 'generate')
  const workshop = {
    api,
    side: perspective.side,
    settings,
    validation,
    samples,
    notes,
    say: sayer(settings.logger),
  }
  const all = groups.map((group) => makeHandler(group, workshop))
  // What is wrong with an example, or has none that fits, is said now and not when a client comes.
  for (const message of new Set(all.flatMap(({ talk }) => talk.outgoing)))
    if (message.foreign === undefined) samples.of(message, 1)
  const made = all.flatMap((each) => {
    const handler = settings.adapt(each.handler, each.channelIds)
    return handler ? [{ ...each, handler }] : []
  })
  return {
    handlers: made.map(({ handler }) => handler),
    notes: notes.all,
    title: api.title,
    perspective,
    made,
  }
}

/** Of a client that sends the same mistake again and again. */
const SAY_EVERY_MS = 1000

/** Warns of one thing a second. */
function sayer(sink: Logger | undefined): (text: string) => void {
  const logger = createLogger('info', sink)
  let saidAt = -Infinity
  return (text) => {
    const time = now()
    if (time - saidAt < SAY_EVERY_MS) return
    saidAt = time
    logger.warn(text)
  }
}

function read(root: Node, notes: Notes): Api {
  const version = root.get('asyncapi')
  if (!version)
    throw asyncApiError(
      `${root.where}: this is no AsyncAPI document; it has to begin with "asyncapi: 3.1.0", or another version`,
    )
  if (/^2\.\d+/.test(String(version.value))) return readVersion2(root, notes)
  if (/^3\.\d+/.test(String(version.value))) return readVersion3(root, notes)
  throw asyncApiError(
    `${version.where}: AsyncAPI ${String(version.value)} is not known here; 2.x and 3.x are`,
  )
}
