import { relative } from 'node:path'

/** Relative to the working directory, if that is shorter. */
export function shortPath(path: string): string {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') ? path : short
}
