import { clientsOf, recordEnd } from './client.ts'
import { now } from './clock.ts'
import { indicesOf } from './options.ts'
import { paceOf } from './pace.ts'
import { Pacer } from './pacer.ts'
import { REFUSED_PAUSE_MS, settle, type Job, type Scenario } from './scenario.ts'
import { ClientSocket } from '../wire/client-socket.ts'

/**
 * Handshakes: each of the connections is opened, closed with 1000 and opened again. The latency is from the start of the
 * TCP connection to the 101; at a rate, from when the handshake was due.
 */
export function createConnect(job: Job): Scenario {
  const { options, share, recorder } = job
  const clientOf = clientsOf(options)
  const places = indicesOf(share, options.connections).length
  const open = new Set<ClientSocket>()
  /** Due times of handshakes for which no place was free. */
  const waiting: number[] = []
  let isLooping = false

  const fill = (): void => {
    while (open.size < places) {
      const due = pacer ? waiting.shift() : isLooping ? now() : undefined
      if (due === undefined) return
      connect(due)
    }
  }
  const connect = (due: number): void => {
    recorder.counters.sent++
    const socket = new ClientSocket(clientOf(), {
      open: () => {
        recorder.connected(now() - due)
        recorder.counters.received++
        if (recorder.isMeasuring) recorder.counters.handshakes++
        recorder.latency(due, now() - due)
        socket.close()
      },
      message: () => {},
      ended: (end) => {
        recordEnd(recorder, end)
        open.delete(socket)
        if (end.how === 'closed') fill()
        else setTimeout(fill, REFUSED_PAUSE_MS)
      },
    })
    open.add(socket)
  }
  const pace = paceOf(options, share)
  const pacer = pace && new Pacer(pace, (_index, due) => void waiting.push(due), fill)
  return {
    open: async () => {},
    start(at) {
      if (pacer) return pacer.start(at)
      isLooping = true
      fill()
    },
    async finish() {
      pacer?.stop((due, late) => recorder.sendLag(due, late, 1))
      isLooping = false
      waiting.length = 0
      await settle(options.timeout, () => open.size === 0)
    },
    close() {
      for (const socket of open) socket.destroy()
    },
  }
}
