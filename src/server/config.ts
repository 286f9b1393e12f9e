import type { ServerOptions } from '../engine/handler/options.ts'

/** Identity, for a typed `sidewire.config.ts`; infers `conn.params` of each handler from its pattern. */
export function defineConfig<const Patterns extends readonly string[] = readonly string[]>(
  options: ServerOptions<Patterns>,
): ServerOptions {
  return options
}
