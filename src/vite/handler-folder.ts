import { readdir, realpath } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import type { ResolvedConfig } from 'vite'
import { SidewireError } from '../engine/errors.ts'

const NAME = /\.(?:ws\.(?:ts|js|mts|mjs)|(?:ws|asyncapi)\.(?:ya?ml|json))$/

/** What is in the folder. */
export interface Listing {
  /** The handler files in the order of their names, and whatever a link leads to: how Vite calls each of them. */
  readonly modules: ReadonlyMap<string, string>
  /** Whether the folder is a symbolic link, or has some in it. */
  readonly isLinked: boolean
}

/** The folder of the option `wsDir`, and all folders in it. */
export class HandlerFolder {
  readonly path: string
  readonly #root: string
  readonly #keepsLinks: boolean
  readonly #whenMissing: string

  /** @param whenMissing - what to tell the user if there is none */
  constructor({ root, resolve: { preserveSymlinks } }: ResolvedConfig, wsDir: string, whenMissing: string) {
    this.path = slashed(resolve(root, wsDir))
    this.#root = root
    this.#keepsLinks = preserveSymlinks
    this.#whenMissing = whenMissing
  }

  /** Whether this would be the name of one of its handler files. */
  names(file: string): boolean {
    return file.startsWith(`${this.path}/`) && NAME.test(file)
  }

  async list(): Promise<Listing> {
    const names = await readdir(this.path, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'ENOENT'
          ? `and there is no such folder; ${this.#whenMissing}`
          : `and cannot be read: ${cause.message}`
      throw new SidewireError('ERR_CONFIG', `option "wsDir" is ${this.path}, ${why}`, { cause })
    })
    // The project itself may stand behind a link, which is nobody's to follow.
    const root = await realpath(this.#root)
    const modules = new Map<string, string>()
    let isLinked = false
    const look = async (
      file: string,
    ): Promise<readonly [file: string, real: string, isBehindLink: boolean]> => {
      // A link that leads nowhere, yet.
      const real = await realpath(file).catch(() => '')
      return [slashed(file), slashed(real || file), real !== join(root, relative(this.#root, file))]
    }
    const files = names
      .filter((name) => !name.split(sep).includes('node_modules'))
      .map((name) => resolve(this.path, name))
      .toSorted()
    for (const [file, real, isBehindLink] of await Promise.all(files.map(look))) {
      isLinked ||= isBehindLink
      if (isBehindLink || NAME.test(file)) modules.set(file, this.#keepsLinks ? file : real)
    }
    return { modules, isLinked }
  }
}

/** Vite writes paths with slashes on every platform. */
export function slashed(path: string): string {
  return path.replaceAll('\\', '/')
}
