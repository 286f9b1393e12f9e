import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs in a new folder, which is the working directory meanwhile and gone afterwards. */
export async function inNewFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const before = process.cwd()
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sidewire-folder-')))
  process.chdir(folder)
  try {
    await run(folder)
  } finally {
    process.chdir(before)
    rmSync(folder, { recursive: true, force: true })
  }
}
