import { indicesOf } from './options.ts'
import { openAll, settle, SWEEP_MS, type Job, type Scenario } from './scenario.ts'
import type { ClientSocket } from '../wire/client-socket.ts'
import { Growth, type GrowingClient } from './stages/growth.ts'

/** Connections that are opened and held. Pings are answered. */
export function createIdle(job: Job): Scenario {
  if (job.options.stages.length > 0) return createGrowingIdle(job)
  let sockets: ClientSocket[] = []
  return {
    async open() {
      const silent = { open: () => {}, message: () => {}, ended: () => {} }
      sockets = await openAll(
        job,
        indicesOf(job.share, job.options.connections).map(() => () => silent),
      )
    },
    start() {},
    finish: async () => {},
    close() {
      for (const socket of sockets) socket.close()
    },
  }
}

function createGrowingIdle(job: Job): Scenario {
  const growth = new Growth(job, () => new Held())
  let sweep: NodeJS.Timeout | undefined
  return {
    open: async () => {},
    start(at) {
      growth.start(at)
      sweep = setInterval(() => growth.sweep(), SWEEP_MS)
    },
    async finish() {
      growth.stop()
      await settle(job.options.timeout, () => growth.isSettled)
      clearInterval(sweep)
    },
    close: () => growth.waiting.forEach((held) => held.close()),
  }
}

class Held implements GrowingClient {
  readonly isSettled = true
  #socket: ClientSocket | undefined

  open(socket: ClientSocket): void {
    this.#socket = socket
  }

  message(): void {}

  ended(): void {
    this.#socket = undefined
  }

  startLoop(): void {}

  stop(): void {}

  end(): void {}

  close(): void {
    this.#socket?.close()
  }
}
