import pc from 'picocolors'
import { SidewireError } from '../engine/errors.ts'

/** One clear line and exit code 1. A stack is only shown for what is our own fault. */
export function reportAndExit(error: unknown): never {
  console.error(say(messageOf(error)))
  process.exit(1)
}

/** As every line for people's eyes on stderr begins. */
export function say(what: string): string {
  return `${pc.red('sidewire:')} ${what}`
}

export function messageOf(error: unknown): string {
  if (error instanceof SidewireError) return `${error.message.replace(/\s*\n\s*/g, ' ')} (${error.code})`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
