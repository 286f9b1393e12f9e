import type { ServerOptions } from '../engine/options.ts'

/** Identity, for a typed `sidewire.config.ts`. */
export function defineConfig(options: ServerOptions): ServerOptions {
  return options
}
