/** One of the processes that serve the same handlers together. */
export interface NodeInfo {
  /** Random at each start. */
  readonly id: string
  /** Whether it is this one. */
  readonly self: boolean
  readonly host: string
  readonly pid: number
  /** Its number, from 1, where it is one of the workers of `sidewire serve --workers`. */
  readonly worker: number | undefined
  readonly runtime: string
  /** Of sidewire. */
  readonly version: string
  /** Open ones, as of its last sign of life. */
  readonly connections: number
  /** Its start, in milliseconds since the epoch. */
  readonly since: number
}

/** What a node says of itself every other second. */
export interface Hello extends Omit<NodeInfo, 'id' | 'self'> {
  /** The number of the oldest message that can be sent again. */
  readonly first: number
  /** It has just come, or come back, and would like to know who is there. */
  readonly asks: boolean
}

/** `undefined` for what is none: whoever may publish may publish anything. */
export function helloOf(about: unknown): Hello | undefined {
  if (typeof about !== 'object' || about === null) return undefined
  const { host, pid, worker, runtime, version, connections, since, first, asks } = about as Partial<Hello>
  if (typeof host !== 'string' || typeof runtime !== 'string' || typeof version !== 'string') return undefined
  for (const number of [pid, connections, since, first]) if (!Number.isSafeInteger(number)) return undefined
  return {
    host,
    pid: pid as number,
    worker: Number.isSafeInteger(worker) ? worker : undefined,
    runtime,
    version,
    connections: connections as number,
    since: since as number,
    first: first as number,
    asks: asks === true,
  }
}
