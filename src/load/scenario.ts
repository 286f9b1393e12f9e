import { now } from './clock.ts'
import type { LoadOptions, Share } from './options.ts'
import { clientOptions, recordEnd } from './client.ts'
import type { Recorder } from './recorder.ts'
import { ClientSocket, type ClientSocketEvents, type ClientSocketOptions } from '../wire/client-socket.ts'

/** What one worker does; `worker.ts` calls the methods in this order. */
export interface Scenario {
  /** Opens the connections; resolves when the load can start, rejects when it never will. */
  open(): Promise<void>
  /** Starts the load. */
  start(): void
  /** Sends nothing more; resolves when nothing is under way any more, or is lost. */
  finish(): Promise<void>
  /** Closes what is open. */
  close(): void
}

/** What a scenario works with. */
export interface Job {
  readonly options: LoadOptions
  readonly share: Share
  readonly recorder: Recorder
  /** Memory that all workers of a fan-out have in common. */
  readonly shared: SharedArrayBuffer | undefined
}

/** How often it is looked for what is overdue. */
export const SWEEP_MS = 50
/** A server that refuses at once would be asked again without end, and without a turn of the event loop. */
export const REFUSED_PAUSE_MS = 100
/** Connection attempts under way at a time: fewer than the backlog of most servers. */
export const OPENING = 64

/** Opens a connection for each of the makers' events, some at a time; resolves when all are open or ended. */
export async function openAll(
  job: Job,
  makers: readonly (() => ClientSocketEvents)[],
): Promise<ClientSocket[]> {
  const sockets: ClientSocket[] = []
  const options = clientOptions(job.options)
  let next = 0
  const openOne = async (): Promise<void> => {
    for (let make = makers[next++]; make !== undefined; make = makers[next++]) {
      const socket = await openSocket(job, options, make())
      if (socket) sockets.push(socket)
    }
  }
  await Promise.all(Array.from({ length: OPENING }, openOne))
  return sockets
}

function openSocket(
  { options: { join }, recorder }: Job,
  options: ClientSocketOptions,
  events: ClientSocketEvents,
): Promise<ClientSocket | undefined> {
  return new Promise((resolve) => {
    const socket = new ClientSocket(options, {
      open: (_socket, answer) => {
        recorder.opened++
        if (join !== undefined) socket.send(join)
        events.open(socket, answer)
        resolve(socket)
      },
      message: (bytes, start, end, isText) => events.message(bytes, start, end, isText),
      turn: () => events.turn?.(),
      ended: (end) => {
        recordEnd(recorder, end)
        events.ended(end)
        resolve(undefined)
      },
    })
  })
}

/** Waits until nothing is under way, at most for as long as a message may take. */
export function settle(timeout: number, isSettled: () => boolean): Promise<void> {
  const end = now() + timeout
  return new Promise((resolve) => {
    const look = (): void => {
      if (isSettled() || now() >= end) resolve()
      else setTimeout(look, 5)
    }
    look()
  })
}
