import { describe, SidewireError } from '../engine/errors.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { ExpectationError } from './failure.ts'
import type { Closed } from './journal.ts'
import { inTime } from './wait.ts'
import { resolveTestServerOptions, type Refusal, type TestServerOptions } from './options.ts'
import { plain, type Plain } from './plain.ts'
import type { TestConnection } from './test-connection.ts'
import { createTestServer, type TestServer } from './test-server.ts'

/** Which connection a task is about. */
interface About {
  /** Its number. @defaultValue the one last given out; the next that opens, if that is none */
  connection?: number
}

interface Matching extends About {
  /** As a message is matched elsewhere, as far as JSON can say it. @defaultValue any */
  match?: unknown
}

interface Waiting {
  /** In milliseconds. @defaultValue the server's, 4000 */
  timeout?: number
}

/** What each task takes and does: `cy.task('sidewire:next', { match: { type: 'join' } })`. What yields nothing yields null. */
export interface SidewireTasks {
  /** The URL of a path. */
  'sidewire:url': (path?: string) => string
  /** Waits for a connection, as `server.connection`: the tasks behind it are about that one. */
  'sidewire:connection': (which?: { path?: string; n?: number } & Waiting) => {
    connection: number
    path: string
    params: Readonly<Record<string, string>>
    url: string
  }
  /** Waits for the next message, as `received.next`, and yields it. */
  'sidewire:next': (options?: Matching & Waiting) => unknown
  /** As `received.none`. */
  'sidewire:none': (options?: Matching & { for?: number }) => void
  /** All messages until now. */
  'sidewire:received': (about?: About) => readonly unknown[]
  'sidewire:send': (options: About & { data: unknown }) => void
  /** As `server.publish`. */
  'sidewire:publish': (options: {
    pattern: string
    data: unknown
    room?: string
    rooms?: readonly string[]
  }) => void
  'sidewire:close': (options?: About & { code?: number; reason?: string }) => void
  /** Cuts the connection: its page sees 1006. */
  'sidewire:drop': (about?: About) => void
  /** Waits for the end of the connection. */
  'sidewire:closed': (options?: About & Waiting) => Closed
  /** As `server.refuse`. */
  'sidewire:refuse': (options: { pattern: string } & Refusal) => void
  /** As `server.clock.advance`. */
  'sidewire:advance': (ms: number) => void
  'sidewire:settled': () => void
  /** What happened, bytes as `{ base64 }`. */
  'sidewire:journal': () => readonly unknown[]
  /** Fails if a hook of the mock has. */
  'sidewire:verify': () => void
  'sidewire:reset': () => void
}

type Tasks = {
  [Name in keyof SidewireTasks]: (argument: Parameters<SidewireTasks[Name]>[0]) => unknown
}

/** As `setupNodeEvents` of Cypress gives it. */
type On = (event: 'task', tasks: Record<string, (argument: unknown) => Promise<Plain>>) => void

/** As long as the commands of Cypress wait: a page is loaded first. */
const DEFAULT_TIMEOUT = 4000

/**
 * Starts a server in the Node process of Cypress, and gives the specs the tasks that hold it.
 * @throws as `createTestServer`; `ERR_OPTION` without `on`
 */
export async function sidewireTasks(
  on: On,
  handlers: readonly UniversalApiWsHandler[] | TestServerOptions = [],
): Promise<TestServer> {
  if (typeof on !== 'function')
    throw new SidewireError(
      'ERR_OPTION',
      `sidewireTasks() got ${describe(on)} first; it takes what setupNodeEvents(on, config) does: "on"`,
    )
  // Says what is wrong with it.
  resolveTestServerOptions(handlers)
  const options = 'length' in handlers ? { handlers } : handlers
  const timeout = options.timeout ?? DEFAULT_TIMEOUT
  const server = await createTestServer({ ...options, timeout })
  const tasks = Object.entries(tasksOf(server, timeout)).map(([name, task]) => {
    const called = async (argument: unknown): Promise<Plain> =>
      // Checked by the task; Cypress has null for what was left out.
      plain(await (task as (argument: unknown) => unknown)(argument ?? undefined))
    return [name, called] as const
  })
  on('task', Object.fromEntries(tasks))
  return server
}

function tasksOf(server: TestServer, timeout: number): Tasks {
  /** What a task is about that names no connection. */
  let last: TestConnection | undefined

  const find = async (n: number | undefined): Promise<TestConnection> => {
    const all = server.connections
    if (n === undefined) {
      // Not one that a reset has taken.
      if (last === undefined || !all.includes(last)) last = await server.connection()
      return last
    }
    const found = all.find((each) => each.n === n)
    if (found) return found
    const known = all.length > 0 ? `this server has ${all.map((each) => each.n).join(', ')}` : 'there is none'
    throw new SidewireError('ERR_OPTION', `option "connection" is ${describe(n)}; ${known}`)
  }

  return {
    'sidewire:url': (path) => server.url(path),
    async 'sidewire:connection'(which = {}) {
      check('connection', which, ['path', 'n', 'timeout'])
      last = await server.connection(which)
      return { connection: last.n, path: last.path, params: last.params, url: last.req.url }
    },
    async 'sidewire:next'(options = {}) {
      check('next', options, ['connection', 'match', 'timeout'])
      const { connection, match, ...waiting } = options
      return (await find(connection)).received.next(match, waiting)
    },
    async 'sidewire:none'(options = {}) {
      check('none', options, ['connection', 'match', 'for'])
      const { connection, match, ...waiting } = options
      await (await find(connection)).received.none(match, waiting)
    },
    async 'sidewire:received'(about = {}) {
      check('received', about, ['connection'])
      return (await find(about.connection)).received.all
    },
    async 'sidewire:send'(options) {
      check('send', options, ['connection', 'data'], ['data'])
      ;(await find(options.connection)).send(options.data)
    },
    'sidewire:publish'(options) {
      check('publish', options, ['pattern', 'data', 'room', 'rooms'], ['pattern', 'data'])
      const { pattern, data, ...more } = options
      server.publish(pattern, data, more)
    },
    async 'sidewire:close'(options = {}) {
      check('close', options, ['connection', 'code', 'reason'])
      ;(await find(options.connection)).close(options.code, options.reason)
    },
    async 'sidewire:drop'(about = {}) {
      check('drop', about, ['connection'])
      ;(await find(about.connection)).drop()
    },
    async 'sidewire:closed'(options = {}) {
      check('closed', options, ['connection', 'timeout'])
      const { connection, ...waiting } = options
      const { n, path, closed } = await find(connection)
      const found = await inTime(closed, timeout, waiting)
      if (found) return found
      const ms = waiting.timeout ?? timeout
      throw new ExpectationError(`connection ${n} (${path}) is still open after ${ms} ms`)
    },
    'sidewire:refuse'(options) {
      check('refuse', options, ['pattern', 'times', 'status', 'delay'], ['pattern'])
      const { pattern, ...refusal } = options
      server.refuse(pattern, refusal)
    },
    'sidewire:advance': (ms) => server.clock.advance(ms),
    'sidewire:settled': () => server.settled(),
    'sidewire:journal': () => server.journal,
    'sidewire:verify': () => server.verify(),
    'sidewire:reset': () => server.reset(),
  }
}

/** @throws `ERR_OPTION`: a misspelled option would be none, and a task would wait for anything */
function check(name: string, given: unknown, names: readonly string[], needed: readonly string[] = []): void {
  const wrong = (found: string): SidewireError =>
    new SidewireError(
      'ERR_OPTION',
      `cy.task('sidewire:${name}') got ${found}; it takes { ${names.join(', ')} }`,
    )
  if (typeof given !== 'object' || given === null) throw wrong(describe(given))
  const unknown = Object.keys(given).find((each) => !names.includes(each))
  if (unknown !== undefined) throw wrong(`the unknown option "${unknown}"`)
  const missing = needed.find((each) => !(each in given))
  if (missing !== undefined) throw wrong(`no "${missing}"`)
}
