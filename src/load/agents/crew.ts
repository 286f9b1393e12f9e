import { SidewireError } from '../../engine/errors.ts'
import type { LoadOptions } from '../options.ts'
import type { LoadWorker } from '../worker-thread.ts'
import type { RemoteAgent } from './remote-agent.ts'

/** The workers of a run on several machines: the first threads are those of the first agent. */
export function crewOf(
  agents: readonly RemoteAgent[],
  options: LoadOptions,
  script: string | null,
  showSecrets: boolean,
): LoadWorker[] {
  const each = options.workers / agents.length
  return agents.flatMap((agent, place) => {
    const here = { first: place * each, count: each }
    const shares = Array.from({ length: each }, (_, index) => ({
      index: here.first + index,
      count: options.workers,
      here,
    }))
    return agent.prepare(options, shares, script, showSecrets)
  })
}

/** @throws `ERR_OPTION` if there is not enough to do for each thread of each agent */
export function checkCrew(agents: number, { connections, workers }: LoadOptions): void {
  const threads = agents * workers
  if (connections < threads)
    throw new SidewireError(
      'ERR_OPTION',
      `option "--agents" is ${agents}; with ${threads} threads in all each needs a connection, and there are ${connections}`,
    )
}
