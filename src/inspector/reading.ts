import * as v from 'valibot'
import { Refused } from '../control/answers.ts'
import type { Command } from '../control/commands.ts'

/** What a page asks, if it has that form. @throws `Refused` for what has not */
export function readAs<T>(schema: v.GenericSchema<unknown, T>, command: Command): T {
  const read = v.safeParse(schema, command)
  if (read.success) return read.output
  const [issue] = read.issues
  throw new Refused(400, 'body', `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`)
}
