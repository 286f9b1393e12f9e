#!/usr/bin/env node
import { createProgram } from './program.ts'
import { reportAndExit } from './report.ts'

try {
  await createProgram().parseAsync()
} catch (error) {
  reportAndExit(error)
}
