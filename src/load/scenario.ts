import { now } from './clock.ts'
import type { LoadOptions, Share } from './options.ts'
import { clientsOf, recordEnd } from './client.ts'
import { Pacer } from './pacer.ts'
import type { Recorder } from './recorder.ts'
import { ClientSocket, type ClientSocketEvents, type ClientSocketOptions } from '../wire/client-socket.ts'

/** What one worker does; `worker.ts` calls the methods in this order. */
export interface Scenario {
  /** Opens the connections; resolves when the load can start, rejects when it never will. */
  open(): Promise<void>
  /** Starts the load: what is due at fixed times is counted from that time of the clock on, which is to come. */
  start(at: number): void
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

/**
 * Opens a connection for each of the makers' events, some at a time or at a rate; resolves when all are open or ended.
 * The n-th of a worker is the n-th of its share.
 */
export async function openAll(
  job: Job,
  makers: readonly (() => ClientSocketEvents)[],
): Promise<ClientSocket[]> {
  const sockets: ClientSocket[] = []
  const clientOf = clientsOf(job.options)
  const { connectRate } = job.options
  if (connectRate !== undefined) {
    await atRate(job, connectRate, makers.length, async (n, due) => {
      const socket = await openSocket(job, clientOf(), makers[n]?.() as ClientSocketEvents, due) // so many there are
      if (socket) sockets.push(socket)
    })
    return sockets
  }
  let next = 0
  const openOne = async (): Promise<void> => {
    for (let make = makers[next++]; make !== undefined; make = makers[next++]) {
      const socket = await openSocket(job, clientOf(), make(), now())
      if (socket) sockets.push(socket)
    }
  }
  await Promise.all(Array.from({ length: OPENING }, openOne))
  return sockets
}

/** Calls `open` at fixed times, workers taking turns; resolves when all of them have. */
export async function atRate(
  { share: { index, count } }: Job,
  rate: number,
  total: number,
  open: (n: number, due: number) => Promise<void>,
): Promise<void> {
  await new Promise<unknown>((resolve) => {
    const opening: Promise<void>[] = []
    const dueOf = (n: number): number => (n < total ? ((n * count + index) * 1000) / rate : Infinity)
    const pacer = new Pacer(
      dueOf,
      (n, due) => opening.push(open(n, due)),
      () => {
        if (opening.length === total) resolve(Promise.all(opening))
      },
    )
    pacer.start(now())
  })
}

/** @param due - when it is due to be opened: its handshake takes from then on */
export function openSocket(
  { options: { join }, recorder }: Job,
  options: ClientSocketOptions,
  events: ClientSocketEvents,
  due: number,
): Promise<ClientSocket | undefined> {
  return new Promise((resolve) => {
    const socket = new ClientSocket(options, {
      open: (_socket, answer) => {
        recorder.connected(now() - due)
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
