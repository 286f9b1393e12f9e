import { indicesOf } from './options.ts'
import { paceOf } from './pace.ts'
import { Pacer } from './pacer.ts'
import { openAll, settle, SWEEP_MS, type Job, type Scenario } from './scenario.ts'
import { Growth, type GrowingClient } from './stages/growth.ts'

/** One connection of it. */
export interface RequestReplyClient extends GrowingClient {
  /** Nothing is under way. */
  readonly isSettled: boolean
  /** Closed loop: keeps so many messages under way as the window is wide. Open loop: nothing. */
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
export function createRequestReply(job: Job, create: (index: number) => RequestReplyClient): Scenario {
  const { options, share } = job
  const growth = options.stages[0]?.of === 'connections' ? new Growth(job, create) : undefined
  const clients = growth?.active ?? indicesOf(share, options.connections).map(create)
  const everyone = (): readonly RequestReplyClient[] => growth?.waiting ?? clients
  const pace = paceOf(options, share)
  const pacer =
    pace &&
    new Pacer(
      pace,
      (index, time) => clients[index % clients.length]?.due(time),
      () => clients.forEach((client) => client.flush()),
    )
  let sweep: NodeJS.Timeout | undefined
  return {
    async open() {
      if (growth) return
      await openAll(
        job,
        clients.map((client) => () => client),
      )
    },
    start(at) {
      growth?.start(at)
      if (pacer) pacer.start(at)
      else for (const client of clients) client.startLoop()
      sweep = setInterval(() => {
        everyone().forEach((client) => client.giveUpOverdue())
        growth?.sweep()
      }, SWEEP_MS)
    },
    async finish() {
      growth?.stop()
      pacer?.stop((due, late) => job.recorder.sendLag(due, late, 1))
      if (growth) await settle(options.timeout, () => growth.isSettled)
      for (const client of everyone()) client.stop()
      await settle(options.timeout, () => everyone().every((client) => client.isSettled))
      clearInterval(sweep)
      for (const client of everyone()) client.end()
    },
    close: () => everyone().forEach((client) => client.close()),
  }
}
