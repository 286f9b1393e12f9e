import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { within } from '../support/client.ts'
import { defer, freePort, project } from './rig.ts'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

/** How the repository's node_modules calls each Vite. */
export const INSTALLED = [
  { name: 'Vite 6', folder: 'vite6' },
  { name: 'Vite 7', folder: 'vite7' },
  { name: 'Vite 8', folder: 'vite' },
] as const

/** A project with the built package and one Vite in its node_modules, as a user has them. */
export function installed(
  vite: (typeof INSTALLED)[number]['folder'],
  files: Readonly<Record<string, string>>,
): string {
  const root = project({ 'package.json': '{ "type": "module", "private": true }', ...files })
  install(root, vite)
  return root
}

export function install(root: string, vite: (typeof INSTALLED)[number]['folder'] = 'vite'): void {
  const modules = join(root, 'node_modules')
  const { dependencies } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  // Copied, not linked: Node would find the repository's own Vite from a link.
  for (const part of ['dist', 'package.json', 'client.d.ts'])
    cpSync(join(REPOSITORY, part), join(modules, 'sidewire', part), { recursive: true })
  const links = new Map(Object.keys(dependencies).map((name) => [name, name]))
  for (const [name, folder] of links.set('vite', vite)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(REPOSITORY, 'node_modules', folder), join(modules, name), 'junction')
  }
}

/** A running `vite` process. */
export class ViteProcess {
  readonly port: number
  readonly #child: ChildProcess
  readonly exited: Promise<number | null>
  output = ''

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.port = port
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += stripVTControlCharacters(chunk.toString())))
    this.exited = once(child, 'exit').then(([code]) => code as number | null)
  }

  /** Resolves once the URL list, ours included, is printed. */
  static async start(
    root: string,
    program: string[] = [process.execPath],
    words: string[] = [],
  ): Promise<ViteProcess> {
    const port = await freePort()
    const [command = '', ...before] = program
    const bin = join(root, 'node_modules/vite/bin/vite.js')
    const child = spawn(
      command,
      [...before, bin, ...words, '--port', String(port), '--strictPort', '--host', '127.0.0.1'],
      {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' },
      },
    )
    const running = new ViteProcess(child, port)
    defer(() => running.stop())
    await running.prints('sidewire: runtime')
    return running
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves once `text` stands in the output, from `since` on. */
  prints(text: string, since: number = 0): Promise<void> {
    const found = new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (this.output.includes(text, since)) resolve()
      }
      for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', look)
      void this.exited.then((code) => reject(new Error(`vite ended with ${code}: ${this.output}`)))
      look()
    })
    return within(found, `no "${text}" in the output`, 20_000).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.output}`)
    })
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.isRunning) this.#child.kill(signal)
    return within(this.exited, 'no end of vite', 10_000).catch((error: Error) => {
      this.#child.kill('SIGKILL')
      throw error
    })
  }
}
