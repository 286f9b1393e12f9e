import type { BrokerStats } from '../engine/stats.ts'
import type { Sample } from './sample.ts'

const FRAMES = {
  sent: 'Broadcasts for other processes.',
  received: 'Broadcasts of other processes that the broker has brought.',
  unserved: 'Of those: for a handler that this process has not.',
  refused: 'Broadcasts that were too long for the broker, or for the handler.',
  resent: 'Broadcasts that were sent once more, because another process had missed them.',
  recovered: 'Broadcasts that were missed, and fetched later.',
  lost: 'Broadcasts that were missed, and are gone.',
} as const

/** None where there is no broker. */
export function brokerSamples(stats: BrokerStats | undefined): Sample[] {
  if (stats === undefined || stats.state === 'off') return []
  const names = Object.keys(FRAMES) as (keyof typeof FRAMES)[]
  return [
    {
      name: 'sidewire_broker_up',
      help: 'Whether the broker is there (1) or not (0); over workers, whether it is for all.',
      type: 'gauge',
      value: stats.state === 'up' ? 1 : 0,
      across: 'min',
    },
    {
      name: 'sidewire_nodes',
      help: 'Processes that the broker ties together.',
      type: 'gauge',
      value: stats.nodes,
      across: 'max',
    },
    ...names.map((name): Sample => ({
      name: `sidewire_broker_frames_${name}_total`,
      help: FRAMES[name],
      type: 'counter',
      value: stats[name],
    })),
  ]
}
