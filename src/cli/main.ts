#!/usr/bin/env node
import { createProgram } from './program.ts'
import { reportAndExit } from './report.ts'

try {
  const program = createProgram()
  // Whoever asks for nothing gets to know what there is, and no open port.
  if (process.argv.length <= 2) program.help()
  await program.parseAsync()
} catch (error) {
  reportAndExit(error)
}
