import { isIP } from 'node:net'
import { InvalidArgumentError } from 'commander'
import { MAX_CONNECTIONS } from '../load/token.ts'

// How values are written as flags, and what is said of those that are not.

/** A day. */
const MAX_SECONDS = 86_400
const MAX_SIZE: number = MAX_CONNECTIONS

export const collect = (value: string, all: readonly string[]): string[] => [...all, value]

/** `false`: behind `--no-redact`. */
export const collectKeys = (value: string, all: readonly string[] | false): string[] => [
  ...(all || []),
  value,
]

export const toPort: (text: string) => number = wholeNumber(0, 65_535)
export const toCount: (text: string) => number = wholeNumber(1, MAX_CONNECTIONS)
const toWorkerCount = wholeNumber(1, 1024)
export const toWorkers = (text: string): number | 'auto' => (text === 'auto' ? text : toWorkerCount(text))
export const toBytes: (text: string) => number = wholeNumber(1, Number.MAX_SAFE_INTEGER)
export const toSeconds: (text: string) => number = number(
  (value) => value > 0 && value <= MAX_SECONDS,
  `a number of seconds above 0, at most ${MAX_SECONDS}`,
)
export const toSecondsOrNone: (text: string) => number = number(
  (value) => value >= 0 && value <= MAX_SECONDS,
  `a number of seconds from 0 to ${MAX_SECONDS}`,
)
export const toMs: (text: string) => number = number(
  (value) => value <= 2 ** 31,
  'a number of milliseconds, 0 or more',
)
const toFactor = number((value) => value > 0, 'a number above 0, or Infinity')
export const toSpeed = (text: string): number => (text === 'Infinity' ? Infinity : toFactor(text))
export const toRate: (text: string) => number = number(
  (value) => value > 0 && value <= 1e8,
  'a number of messages a second above 0',
)

/** `64`, or `64-1024` */
export function toSizes(text: string): [min: number, max?: number] {
  const [, min = '', max] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  const sizes = [Number(min), Number(max ?? min)] as const
  if (sizes[0] < 1 || sizes[1] > MAX_SIZE || sizes[1] < sizes[0])
    throw new InvalidArgumentError(
      `It has to be a number from 1 to ${MAX_SIZE}, or two such as '64-1024', the smaller one first.`,
    )
  return max === undefined ? [sizes[0]] : [...sizes]
}

/** `0.0.0.0:8790` */
export function toListen(text: string): { host: string; port: number } {
  const [, host, port] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError("It has to be an address and a port such as '0.0.0.0:8790'.")
  return { host, port: Number(port) }
}

/** `127.0.0.2,127.0.0.3` */
export function toAddresses(text: string): string[] {
  const addresses = text.split(',').map((each) => each.trim())
  if (!addresses.every((each) => isIP(each) !== 0))
    throw new InvalidArgumentError("It has to be addresses such as '127.0.0.2,127.0.0.3'.")
  return addresses
}

/** `5%` */
export function toShare(text: string): number {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? []
  if (percent === undefined || Number(percent) >= 100)
    throw new InvalidArgumentError("It has to be a share below 100 %, such as '5%'.")
  return Number(percent) / 100
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return number(
    (value) => Number.isInteger(value) && value >= min && value <= max,
    `a number from ${min} to ${max}`,
  )
}

function number(accepts: (value: number) => boolean, what: string): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+(?:\.\d+)?$/.test(text) || !accepts(value))
      throw new InvalidArgumentError(`It has to be ${what}.`)
    return value
  }
}

/** RFC 9110 5.5: what a header may be; a line break in it would be another header. */
export function toHeaders(line: string, before: readonly string[]): string[] {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/.test(line))
    throw new InvalidArgumentError("It has to be a header such as 'X-Tenant: acme'.")
  return [...before, line]
}
