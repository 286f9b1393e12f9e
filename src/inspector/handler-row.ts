import type { ResolvedEngineOptions } from '../engine/handler/options.ts'
import { placesOf } from '../engine/handshake/routing.ts'

/** A handler, as the page lists it. */
export interface HandlerRow {
  readonly pattern: string
  /** Where it is, prefix included. */
  readonly paths: readonly string[]
}

export function handlerRows({
  handlers,
  prefixes,
}: Pick<ResolvedEngineOptions, 'handlers' | 'prefixes'>): HandlerRow[] {
  return handlers.map(({ source }) => ({
    pattern: source.pattern,
    paths: placesOf(source, prefixes).map(({ path }) => path),
  }))
}
