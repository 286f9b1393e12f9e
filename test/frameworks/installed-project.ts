import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installPackage } from '../vite/installation.ts'

const INSTALL = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

/** A copy of a project with all its packages, ours as it would be published among them. */
export class InstalledProject {
  readonly root: string = mkdtempSync(join(tmpdir(), 'sidewire-framework-'))

  static async of(name: string): Promise<InstalledProject> {
    const project = new InstalledProject()
    try {
      await project.#fill(name)
      return project
    } catch (error) {
      await project.remove()
      throw error
    }
  }

  async #fill(name: string): Promise<void> {
    const source = fileURLToPath(new URL(name, import.meta.url))
    cpSync(source, this.root, { recursive: true })
    const { description } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as {
      description: string
    }
    // Past vitest, which shows what a test says only when it fails.
    process.stdout.write(`installing ${description}, from npm's registry or its cache, for this test only\n`)
    const npm = spawn('npm', INSTALL, {
      cwd: this.root,
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk))
    const [code] = (await once(npm, 'close')) as [number | null]
    if (code !== 0)
      throw new Error(`npm ${INSTALL.join(' ')} of test/frameworks/${name} ended with ${code}: ${output}`)
    installPackage(this.root)
  }

  async remove(): Promise<void> {
    await rm(this.root, { recursive: true, force: true, maxRetries: 5 })
  }
}
