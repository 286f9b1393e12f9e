import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { stripVTControlCharacters } from 'node:util'
import { within } from '../support/client.ts'

/** What a test's process has in its environment, and would change what a framework does. */
const NOT_INHERITED = /^(?:VITEST|VITE_|npm_|TEST$|NODE_ENV$|NODE_OPTIONS$|DEV$|PROD$|MODE$|SSR$|BASE_URL$)/
/** How nobody is told that it runs. */
const QUIET = {
  NO_COLOR: '1',
  DO_NOT_TRACK: '1',
  ASTRO_TELEMETRY_DISABLED: '1',
  ASTRO_DISABLE_UPDATE_CHECK: 'true',
  NUXT_TELEMETRY_DISABLED: '1',
  STORYBOOK_DISABLE_TELEMETRY: '1',
}

/** A framework's dev server, as its command starts it: a process, and those that it starts. */
export class DevServer {
  output = ''
  readonly exited: Promise<unknown>
  readonly #child: ChildProcess
  readonly #what: string

  constructor(root: string, words: readonly string[]) {
    this.#what = words.join(' ')
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name))
    this.#child = spawn(process.execPath, words, {
      cwd: root,
      env: { ...Object.fromEntries(inherited), ...QUIET },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that none of it goes unseen.
      detached: true,
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += stripVTControlCharacters(chunk.toString())))
    this.exited = once(this.#child, 'exit')
  }

  /** Whether it, or anything that it has started, still runs. */
  get isRunning(): boolean {
    return this.#signal(0)
  }

  /** Tries until it works; fails with what the server has said. */
  async until<T>(what: string, attempt: () => Promise<T>, ms: number = 60_000): Promise<T> {
    const end = performance.now() + ms
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (!this.isRunning) throw this.#failure(`${what}: it has ended`, error)
        if (performance.now() > end) throw this.#failure(`${what} within ${ms} ms`, error)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }

  /** As a terminal, an editor or a container ends it. */
  async terminate(): Promise<void> {
    this.#child.kill('SIGTERM')
    await within(this.exited, `no end of ${this.#what}`).catch((error: unknown) => {
      throw this.#failure('SIGTERM', error)
    })
  }

  /** Whatever is left of it. */
  destroy(): void {
    this.#signal('SIGKILL')
  }

  #signal(signal: NodeJS.Signals | 0): boolean {
    try {
      return process.kill(-this.#child.pid!, signal)
    } catch {
      return false
    }
  }

  #failure(what: string, cause: unknown): Error {
    return new Error(`${this.#what}, ${what} (${String(cause)})\n${this.output}`)
  }
}
