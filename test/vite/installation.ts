import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { afterAll } from 'vitest'
import { within } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { defer, project } from './rig.ts'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

/** How the repository's node_modules calls each Vite. */
export const INSTALLED = [
  { name: 'Vite 6', folder: 'vite6' },
  { name: 'Vite 7', folder: 'vite7' },
  { name: 'Vite 8', folder: 'vite' },
] as const

/** Each of them, and the newest inside Bun. */
export const RUNS: readonly {
  readonly name: string
  readonly folder: (typeof INSTALLED)[number]['folder']
  readonly program: readonly string[]
}[] = [
  ...INSTALLED.map((vite) => ({ ...vite, program: [process.execPath] })),
  {
    name: 'Vite 8 on Bun',
    folder: 'vite',
    program: [join(REPOSITORY, 'node_modules/.bin/bun'), '--bun'],
  },
]

export function npm(cwd: string, ...words: string[]): string {
  const shell = process.platform === 'win32'
  return execFileSync('npm', words, { cwd, shell, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

let packing: string | undefined
afterAll(() => {
  if (packing !== undefined) rmSync(packing, { recursive: true, force: true })
  packing = undefined
})

/** What would be published: the tarball, and its content in a folder `package` beside it. Packed once per test file. */
export function packed(): { readonly tarball: string; readonly content: string } {
  packing ??= pack()
  return { tarball: join(packing, 'sidewire.tgz'), content: join(packing, 'package') }
}

function pack(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sidewire-pack-'))
  const [name = ''] = npm(REPOSITORY, 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder)
    .trim()
    .split('\n')
    .slice(-1)
  renameSync(join(folder, name), join(folder, 'sidewire.tgz'))
  execFileSync('tar', ['-xzf', 'sidewire.tgz'], { cwd: folder })
  return folder
}

/** A project with the packed package and one Vite in its node_modules, as a user has them. */
export function installed(
  vite: (typeof INSTALLED)[number]['folder'],
  files: Readonly<Record<string, string>>,
): string {
  const root = project({ 'package.json': '{ "type": "module", "private": true }', ...files })
  install(root, vite)
  return root
}

export function install(root: string, vite: (typeof INSTALLED)[number]['folder'] = 'vite'): void {
  for (const name of copyPackage(join(root, 'node_modules/sidewire'))) link(root, name)
  link(root, 'vite', vite)
}

/** Only ours, with its dependencies below it: a framework may have others of these names beside it. */
export function installPackage(root: string): void {
  const folder = join(root, 'node_modules/sidewire')
  for (const name of copyPackage(folder)) link(folder, name)
}

/** Copied, not linked: Node would find what lies beside the link's target. Returns what it depends on. */
function copyPackage(folder: string): readonly string[] {
  const { content } = packed()
  cpSync(content, folder, { recursive: true })
  const { dependencies } = JSON.parse(readFileSync(join(content, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  return Object.keys(dependencies)
}

/** Puts a package of the repository into the project's node_modules, in place of what was there. */
export function link(root: string, name: string, folder: string = name): void {
  const target = join(root, 'node_modules', name)
  mkdirSync(dirname(target), { recursive: true })
  rmSync(target, { recursive: true, force: true })
  symlinkSync(join(REPOSITORY, 'node_modules', folder), target, 'junction')
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
    return within(found, `no "${text}" in the output`).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.output}`)
    })
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.isRunning) this.#child.kill(signal)
    return within(this.exited, 'no end of vite').catch((error: Error) => {
      this.#child.kill('SIGKILL')
      throw error
    })
  }
}
