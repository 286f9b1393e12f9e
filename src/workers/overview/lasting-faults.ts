import type { Command } from '../../control/commands.ts'
import type { FaultRequest } from '../../control/reach.ts'
import type { Clock } from '../../engine/clock.ts'
import type { FaultCommand } from '../../inspector/faults.ts'

/** What was switched on for handlers, and holds for a worker that is started later, too. */
export class LastingFaults {
  readonly #clock: Clock
  readonly #on = new Map<string, { readonly faults: unknown; readonly until: number | undefined }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** By the inspector. */
  ran(command: FaultCommand): void {
    if (command.action === 'list' || !('pattern' in command.to)) return
    if (command.action === 'put') this.#put(command.to.pattern, command)
    else this.#on.delete(command.to.pattern)
  }

  /** By the control endpoint. */
  switched(request: FaultRequest): void {
    if (request.action === 'list') return
    const { target } = request
    if (target === undefined) this.#on.clear()
    // A connection is at one worker, and ends with it.
    else if (target.connection !== null) return
    else if (request.action === 'put') this.#put(target.pattern, request.command)
    else this.#on.delete(target.pattern)
  }

  /** What a new worker is asked for. */
  requests(): FaultRequest[] {
    const now = this.#clock.now()
    return Array.from(this.#on).flatMap(([pattern, { faults, until }]): FaultRequest[] => {
      if (until !== undefined && until <= now) return []
      const command: Command = { faults, ...(until !== undefined && { for: until - now }) }
      return [{ action: 'put', target: { pattern, connection: null }, command }]
    })
  }

  #put(pattern: string, { faults, for: ms }: Command | Extract<FaultCommand, { action: 'put' }>): void {
    const until = typeof ms === 'number' ? this.#clock.now() + ms : undefined
    // The latest counts, and so it comes last.
    this.#on.delete(pattern)
    this.#on.set(pattern, { faults, until })
  }
}
