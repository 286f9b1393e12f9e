import type { Sample } from './sample.ts'

/** What a broker between processes says of itself. */
export interface BrokerStats {
  readonly state: 'off' | 'connecting' | 'up' | 'down'
  /** Processes that are there, this one among them. */
  readonly nodes: number
  /** Frames, as all that follow. */
  readonly sent: number
  readonly received: number
  readonly refused: number
  readonly resent: number
  readonly recovered: number
  readonly lost: number
}

const FRAMES = {
  sent: 'Frames that were given to the broker.',
  received: 'Frames of other processes that the broker has brought.',
  refused: 'Frames that could not be read, or were none of ours.',
  resent: 'Frames that were sent once more, because the broker had been away.',
  recovered: 'Frames that were missed, and fetched later.',
  lost: 'Frames that were missed, and are gone.',
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
