import { indicesOf } from './options.ts'
import { openAll, type Job, type Scenario } from './scenario.ts'
import type { ClientSocket } from '../wire/client-socket.ts'

/** Connections that are opened and held. Pings are answered. */
export function createIdle(job: Job): Scenario {
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
