import { availableParallelism } from 'node:os'
import { describe, SidewireError } from '../engine/errors.ts'
import { resolveServerOptions, type ServerOptions } from '../engine/handler/options.ts'
import { detectRuntime } from '../runtime/detect.ts'
import type { Plan } from './supervisor.ts'

const MAX_WORKERS = 1024

interface Planned extends Pick<Plan, 'workers' | 'options'> {
  /** Why it is one only. */
  readonly notice: string | undefined
}

/**
 * How many processes serve, and where.
 * @param asked - as users write it
 * @throws `ERR_OPTION`, `ERR_RUNTIME`, and what is wrong with the options
 */
export async function planWorkers(asked: unknown, options: ServerOptions): Promise<Planned> {
  const workers = asked === 'auto' ? availableParallelism() : asked
  if (!isCount(workers))
    throw new SidewireError(
      'ERR_OPTION',
      `option "workers" is ${describe(asked)}; it has to be a whole number from 1 to ${MAX_WORKERS}, or 'auto'`,
    )
  const resolved = resolveServerOptions(options)
  const { runtime: choice } = resolved
  const { runtime } = await detectRuntime(choice)
  const { sharesPort } = runtime.capabilities
  if (workers === 1 || sharesPort !== false) return { workers, notice: undefined, options: resolved }
  const why = `the runtime ${runtime.name} cannot share a port on ${process.platform}: one process would get all connections`
  if (choice !== 'auto')
    throw new SidewireError(
      'ERR_RUNTIME',
      `option "workers" is ${workers}, but ${why}; use runtime: 'ws' on Node`,
    )
  return {
    workers: 1,
    notice: `one worker, not ${workers}: ${why}; with runtime: 'ws' on Node there can be more`,
    options: resolved,
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_WORKERS
}
