import type { Clock } from '../engine/clock.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { describe } from '../engine/errors.ts'
import type { Inside } from '../engine/inside.ts'
import type { ReadBody } from '../engine/runtime.ts'
import { Refused } from './answers.ts'

/** Whom a command is for. */
type Target =
  | { readonly connection: string }
  | { readonly pattern: string; readonly rooms?: readonly string[] }

/** What a request asks for, in JSON. */
export type Command = Readonly<Record<string, unknown>>

const MAX_BODY_BYTES = 16 * 1024 * 1024
/** A client that does not go on with its body is not waited for. */
const BODY_TIMEOUT_MS = 10_000

/** @throws for a command that is none */
export async function readCommand(readBody: ReadBody, clock: Clock): Promise<Command> {
  const bytes = await inTime(readBody(MAX_BODY_BYTES), clock)
  if (!bytes)
    throw new Refused(413, 'body', `the body has more than ${MAX_BODY_BYTES} bytes, or did not come in time`)
  let command: unknown
  try {
    command = JSON.parse(Buffer.from(bytes).toString())
  } catch (error) {
    throw new Refused(400, 'body', `the body is no JSON: ${(error as Error).message}`)
  }
  if (typeof command !== 'object' || command === null || Array.isArray(command))
    throw new Refused(400, 'body', `the body is ${describe(command)}; it has to be an object`)
  return command as Command
}

/** `undefined`, too, if the client does not go on with it. */
async function inTime(body: Promise<Uint8Array | undefined>, clock: Clock): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const timer = clock.after(BODY_TIMEOUT_MS, () => resolve(undefined))
    void body.then((bytes) => {
      timer.cancel()
      resolve(bytes)
    })
  })
}

/** Which of those in a handler, or in rooms, get a message: of all processes, of this one alone, or none because another does it. */
export type Reaches = 'everywhere' | 'here' | 'nobody'

/** A message to one connection, to a handler's, or to rooms of it. @returns how many of this process are meant */
export function send(
  inside: Inside,
  command: Command,
  reaches: Reaches = 'everywhere',
): { readonly receivers: number } {
  const target = targetOf(command)
  const data = messageOf(command)
  if ('connection' in target) {
    const status = findConnection(inside, target.connection).send(data)
    return { receivers: status === 'closed' || status === 'dropped' ? 0 : 1 }
  }
  const receivers = reached(inside, target).length
  if (reaches !== 'nobody')
    inside.publishTo(target.pattern, data, {
      ...(target.rooms && { rooms: target.rooms }),
      local: reaches === 'here',
    })
  return { receivers }
}

/** Closes with a code, or cuts without one. */
export function disconnect(
  inside: Inside,
  command: Command,
  each: (conn: WebSocketConnection) => void = () => {},
): { readonly connections: number } {
  const target = targetOf(command)
  const { code, reason = '' } = command
  if (code !== undefined && typeof code !== 'number')
    throw new Refused(400, 'body', `code is ${describe(code)}; it has to be a close code, or missing to cut`)
  if (typeof reason !== 'string')
    throw new Refused(400, 'body', `reason is ${describe(reason)}; it has to be a string`)
  const all = 'connection' in target ? [findConnection(inside, target.connection)] : reached(inside, target)
  for (const conn of all) {
    if (code === undefined) {
      each(conn)
      conn.forceClose()
    } else {
      conn.close(code, reason)
      each(conn)
    }
  }
  return { connections: all.length }
}

function reached(
  inside: Inside,
  { pattern, rooms }: Extract<Target, { pattern: string }>,
): WebSocketConnection[] {
  const all = inside.openConnections(pattern)
  return rooms ? all.filter((conn) => rooms.some((room) => conn.isInRoom(room))) : all
}

export function findConnection(inside: Inside, id: string): WebSocketConnection {
  const conn = inside.openConnections().find((each) => each.id === id)
  if (conn) return conn
  throw new Refused(
    404,
    'target',
    `no open connection has the id ${describe(id)}; GET /.sidewire/connections lists them`,
  )
}

function targetOf({ to }: Record<string, unknown>): Target {
  const wanted = 'to has to be { connection: <id> }, or { pattern: <of a handler>, rooms?: [<room>, ...] }'
  if (typeof to !== 'object' || to === null)
    throw new Refused(400, 'target', `to is ${describe(to)}; ${wanted}`)
  const { connection, pattern, rooms } = to as Record<string, unknown>
  if (typeof connection === 'string' && pattern === undefined && rooms === undefined) return { connection }
  const isList = Array.isArray(rooms) && rooms.every((room) => typeof room === 'string')
  if (typeof pattern !== 'string' || connection !== undefined || (rooms !== undefined && !isList))
    throw new Refused(400, 'target', `to is ${describe(to)}; ${wanted}`)
  return { pattern, ...(rooms !== undefined && { rooms }) }
}

function messageOf(command: Record<string, unknown>): unknown {
  const given = (['data', 'text', 'base64'] as const).filter((name) => command[name] !== undefined)
  const [kind] = given
  if (kind === undefined || given.length > 1)
    throw new Refused(400, 'body', 'give one of data (JSON, as the handler would send it), text, base64')
  const value = command[kind]
  if (kind === 'data') return value
  if (typeof value !== 'string')
    throw new Refused(400, 'body', `${kind} is ${describe(value)}; it has to be a string`)
  if (kind === 'text') return value
  if (!/^[+/0-9A-Za-z]*={0,2}$/.test(value))
    throw new Refused(400, 'body', `base64 is ${describe(value)}, which is none`)
  return Buffer.from(value, 'base64')
}
