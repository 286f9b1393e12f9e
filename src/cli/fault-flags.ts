import { InvalidArgumentError } from 'commander'
import type { Span, Choice } from '../index.ts'

// How faults are written as flags.

/** `200`, or `100-400` */
export function toSpan(text: string): Span {
  const [, min, max] = /^(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?$/.exec(text) ?? []
  if (min === undefined || (max !== undefined && Number(max) < Number(min)))
    throw new InvalidArgumentError("It has to be milliseconds such as '200', or '100-400'.")
  return max === undefined ? Number(min) : [Number(min), Number(max)]
}

/** `5%`, `nth:3` */
export function toWhich(text: string): Choice {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? []
  if (percent !== undefined && Number(percent) <= 100) return Number(percent) / 100
  const [, name, n] = /^(nth|first|after|every):([1-9]\d*)$/.exec(text) ?? []
  if (name === undefined)
    throw new InvalidArgumentError(
      "It has to be a share such as '5%', or one of nth:3, first:2, after:10, every:4.",
    )
  return { [name]: Number(n) }
}

/** An HTTP status, or a way to give none. */
export function toRefusal(text: string): number | 'hangup' | 'hang' {
  if (text === 'hangup' || text === 'hang') return text
  if (/^[45]\d\d$/.test(text)) return Number(text)
  throw new InvalidArgumentError("It has to be a status from 400 to 599, 'hangup' or 'hang'.")
}

const MS = { ms: 1, s: 1000, m: 60_000 } as const

/** `10s` */
export function toTime(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? []
  if (amount === undefined || Number(amount) === 0)
    throw new InvalidArgumentError("It has to be a time such as '500ms', '10s' or '2m'.")
  return Number(amount) * MS[unit as keyof typeof MS]
}
