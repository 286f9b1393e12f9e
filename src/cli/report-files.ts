import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { SidewireError } from '../engine/errors.ts'
import { shown } from '../load/mask.ts'

/** Said before the run, and not after all of it. */
export function checkWritable(option: string, path: string | undefined): void {
  if (path === undefined || path === '-') return
  try {
    const isThere = existsSync(path)
    if (isThere && statSync(path).isDirectory()) throw new Error('it is a folder')
    accessSync(isThere ? path : dirname(resolve(path)), constants.W_OK)
  } catch (cause) {
    throw unwritable(option, path, cause)
  }
}

export function write(option: string, path: string, text: string): void {
  try {
    if (path === '-') process.stdout.write(text)
    else writeFileSync(path, text)
  } catch (cause) {
    throw unwritable(option, path, cause)
  }
}

export function unwritable(option: string, path: string, cause: unknown): SidewireError {
  return new SidewireError(
    'ERR_OPTION',
    `option "${option}" is "${shown(path)}": ${shown((cause as Error).message)}`,
    {
      cause,
    },
  )
}
