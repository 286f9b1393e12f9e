import type { Stage } from './stage.ts'

/** A connection that is opened or closed, some milliseconds after the start. */
export interface ConnectionEvent {
  readonly at: number
  readonly type: 'open' | 'close'
  /** Connections are counted as they are opened; the youngest is closed first. */
  readonly index: number
}

/**
 * When connections are opened and closed, so that their number goes in straight lines from stage to stage.
 * @param connectRate - handshakes a second, at most: those that are due sooner are put off, and are due then
 */
export function connectionPlan(
  stages: readonly Stage[],
  connectRate: number = Infinity,
): readonly ConnectionEvent[] {
  const opens: { at: number; type: 'open'; index: number }[] = []
  const closes = new Map<number, number>()
  const open: number[] = []
  let start = 0
  let level = 0
  for (const { duration, target } of stages) {
    const timeOf = (count: number): number => start + ((count - level) / (target - level)) * duration
    for (let count = level + 1; count <= target; count++) {
      const previous = opens.at(-1)?.at ?? -Infinity
      open.push(opens.length)
      opens.push({
        at: Math.max(timeOf(count), previous + 1000 / connectRate),
        type: 'open',
        index: opens.length,
      })
    }
    for (let count = level; count > target; count--) closes.set(open.pop() as number, timeOf(count - 1)) // as many are open as the level says
    start += duration
    level = target
  }
  const events: ConnectionEvent[] = []
  for (const event of opens) {
    const closed = closes.get(event.index) ?? Infinity
    // Put off until nobody wants it any more.
    if (closed <= event.at) continue
    events.push(event)
    if (closed !== Infinity) events.push({ at: closed, type: 'close', index: event.index })
  }
  return events.toSorted((a, b) => a.at - b.at)
}

export function openingsIn(plan: readonly ConnectionEvent[]): number {
  return plan.reduce((most, { index }) => Math.max(most, index + 1), 0)
}
