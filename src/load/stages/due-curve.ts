import type { Stage } from './stage.ts'

/** When message `index` of all messages is due, in milliseconds from the start; `Infinity`: never. */
export type DueCurve = (index: number) => number

export function constantRate(perSecond: number): DueCurve {
  const interval = 1000 / perSecond
  return (index) => index * interval
}

/**
 * The rate goes in straight lines from stage to stage, from `from` on. A message is due when the area under them reaches the
 * middle of its unit: so there are as many as the area has units, and none of them at a rate of 0.
 */
export function stagedRate(stages: readonly Stage[], from = 0): DueCurve {
  let area = 0
  let rate = from
  let time = 0
  const pieces = stages.map(({ duration, target }) => {
    const piece = { area, rate, time, duration, target }
    area += ((rate + target) / 2) * (duration / 1000)
    time += duration
    rate = target
    return { ...piece, end: area }
  })
  return (index) => {
    const wanted = index + 0.5
    const piece = pieces.find(({ end }) => wanted <= end)
    if (!piece) return Infinity
    const seconds = piece.duration / 1000
    const rest = wanted - piece.area
    const slope = (piece.target - piece.rate) / seconds
    // The root of a quadratic, in the form that holds for a slope of 0, too.
    return (
      piece.time + (2000 * rest) / (piece.rate + Math.sqrt(Math.max(0, piece.rate ** 2 + 2 * slope * rest)))
    )
  }
}
