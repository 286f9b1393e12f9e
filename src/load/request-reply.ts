import { now } from './clock.ts'
import { Pacer } from './pacer.ts'
import { openAll, settle, SWEEP_MS, type Job, type Scenario } from './scenario.ts'
import type { ClientSocketEvents } from '../wire/client-socket.ts'

/** One connection of it. */
export interface RequestReplyClient extends ClientSocketEvents {
  /** Nothing is under way. */
  readonly isSettled: boolean
  /** Closed loop: keeps so many messages under way as the window is wide. */
  startLoop(): void
  /** Open loop: a message is due. */
  due(time: number): void
  /** Open loop: that was all that is due in this turn. */
  flush(): void
  giveUpOverdue(): void
  /** Sends nothing more. */
  stop(): void
  /** Waits for nothing more. */
  end(): void
  close(): void
}

/** Every connection sends, and gets a reply to each message: as fast as they come, or at a rate. */
export function createRequestReply(job: Job, clients: readonly RequestReplyClient[]): Scenario {
  const { options, share } = job
  const pacer =
    options.rate === undefined
      ? undefined
      : new Pacer(
          options.rate / share.count,
          (index, time) => clients[index % clients.length]?.due(time),
          () => clients.forEach((client) => client.flush()),
        )
  let sweep: NodeJS.Timeout | undefined
  return {
    open: async () =>
      void (await openAll(
        job,
        clients.map((client) => () => client),
      )),
    start() {
      // Workers take turns, so that all messages together are due at even distances.
      if (pacer && options.rate !== undefined) pacer.start(now() + (share.index * 1000) / options.rate)
      else for (const client of clients) client.startLoop()
      sweep = setInterval(() => clients.forEach((client) => client.giveUpOverdue()), SWEEP_MS)
    },
    async finish() {
      pacer?.stop((due, late) => job.recorder.sendLag(due, late, 1))
      for (const client of clients) client.stop()
      await settle(options.timeout, () => clients.every((client) => client.isSettled))
      clearInterval(sweep)
      for (const client of clients) client.end()
    },
    close: () => clients.forEach((client) => client.close()),
  }
}
