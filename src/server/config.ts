import type { ServerOptions } from '../engine/handler/options.ts'

/** What a `sidewire.config.ts` may say: the options of a server, and how many processes serve. */
export interface Config<
  Patterns extends readonly string[] = readonly string[],
> extends ServerOptions<Patterns> {
  /**
   * Processes of `sidewire serve` that serve at the same port together; `'auto'` is one for each core. More than one need a runtime
   * that shares a port: see docs/guide/cores.md. @defaultValue 1
   */
  workers?: number | 'auto'
}

/** Identity, for a typed `sidewire.config.ts`; infers `conn.params` of each handler from its pattern. */
export function defineConfig<const Patterns extends readonly string[] = readonly string[]>(
  options: Config<Patterns>,
): Config {
  return options
}
