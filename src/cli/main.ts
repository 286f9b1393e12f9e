#!/usr/bin/env node
import { withSides } from './bench-sides.ts'
import { createProgram } from './program.ts'
import { reportAndExit } from './report.ts'

try {
  const program = createProgram()
  // Whoever asks for nothing gets to know what there is, and no open port.
  if (process.argv.length <= 2) program.help()
  await program.parseAsync(withSides(process.argv))
} catch (error) {
  reportAndExit(error)
}
