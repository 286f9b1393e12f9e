import pc from 'picocolors'
import { SidewireError } from '../index.ts'

/** One clear line and exit code 1. A stack is only shown for what is our own fault. */
export function reportAndExit(error: unknown): never {
  console.error(`${pc.red('sidewire:')} ${messageOf(error)}`)
  process.exit(1)
}

export function messageOf(error: unknown): string {
  if (error instanceof SidewireError) return `${error.message} (${error.code})`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
