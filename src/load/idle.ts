import { indicesOf } from './options.ts'
import { openAll, type Job, type Scenario } from './scenario.ts'
import type { LoadSocket } from './socket.ts'

/** Connections that are opened and held. Pings are answered. */
export function createIdle(job: Job): Scenario {
  let sockets: LoadSocket[] = []
  return {
    async open() {
      const silent = { open: () => {}, message: () => {}, turn: () => {}, ended: () => {} }
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
