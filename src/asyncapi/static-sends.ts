import type { Scenario } from '../engine/handler/scenario.ts'

/** What a scenario sends without a function, each of it once. */
export function staticSendsOf({ connect, on = [], every = [], otherwise }: Scenario): readonly unknown[] {
  const sends = [
    ...inSteps(connect),
    ...on.flatMap(({ reply, replies = [] }) => [reply, ...replies].flatMap(inSteps)),
    ...every.flatMap(({ send }) => inSteps({ send })),
    ...inSteps(otherwise),
  ]
  return [...new Map(sends.map((value) => [JSON.stringify(value), value])).values()]
}

function inSteps(steps: unknown): readonly unknown[] {
  if (Array.isArray(steps)) return steps.flatMap(inSteps)
  if (typeof steps !== 'object' || steps === null) return []
  const { send, steps: inner, otherwise } = steps as { send?: unknown; steps?: unknown; otherwise?: unknown }
  const own = send === undefined || typeof send === 'function' || send instanceof Uint8Array ? [] : [send]
  return [...own, ...inSteps(inner), ...inSteps(otherwise)]
}
