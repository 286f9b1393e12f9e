import type { ToWorker } from '../messages.ts'

/** A process that serves. */
export interface Peer {
  send(message: ToWorker): void
}
