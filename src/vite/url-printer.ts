import { clearTimeout, setTimeout } from '../engine/timers.ts'
import type { Host } from './host.ts'

/** Whoever prints Vite's URLs does so right after it listens. */
const PATIENCE_MS = 1000

/**
 * What has been printed without having been asked for. A framework that prints no URLs of Vite's makes a new server and
 * a new plugin to restart (Astro); as with Vite's own list, a restart repeats it only where something has changed.
 */
const unasked = new Set<string>()

/** Prints where the handlers are: below Vite's own URLs, or by itself where nobody asks for those. */
export class UrlPrinter {
  readonly #host: Host
  readonly #describe: (ownUrl: string | undefined) => readonly string[]
  #timer: ReturnType<typeof setTimeout> | undefined
  #isAsked = false

  /** `describe`: a line for each handler, and as the last one where the engine is. */
  constructor(host: Host, describe: (ownUrl: string | undefined) => readonly string[]) {
    this.#host = host
    this.#describe = describe
    const { server } = host
    const print = server.printUrls.bind(server)
    server.printUrls = () => {
      this.#isAsked = true
      print()
      this.print(this.#ownUrl)
    }
  }

  print(ownUrl: string | undefined): void {
    this.#write(this.#describe(ownUrl))
  }

  /** Once it listens. */
  printUnlessAsked(): void {
    this.#timer = setTimeout(() => {
      if (this.#isAsked) return
      const lines = this.#describe(this.#ownUrl)
      // On which port the engine is may be another one each time.
      const text = lines.slice(0, -1).join('\n')
      if (!unasked.has(text)) this.#write(lines)
      unasked.add(text)
    }, PATIENCE_MS).unref()
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  get #ownUrl(): string | undefined {
    const { resolvedUrls } = this.#host.server
    return resolvedUrls?.local[0] ?? resolvedUrls?.network[0]
  }

  #write(lines: readonly string[]): void {
    for (const line of lines) this.#host.server.config.logger.info(line)
  }
}
