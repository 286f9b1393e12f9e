import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { SidewireError } from '../engine/errors.ts'

/**
 * Resident memory of a process, in bytes.
 * @throws `ERR_OPTION` if there is no such process
 */
export async function residentMemory(pid: number): Promise<number> {
  try {
    if (process.platform === 'linux') {
      const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
      if (kilobytes !== undefined) return Number(kilobytes) * 1024
    } else {
      const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])
      if (Number(stdout) > 0) return Number(stdout) * 1024
    }
  } catch {
    // Said below.
  }
  throw new SidewireError(
    'ERR_OPTION',
    `option "--pid" is ${pid}; there is no such process, or its memory cannot be read`,
  )
}
