/** Between the two sides of `sidewire bench compare`, once the command line is read. */
export const BETWEEN = '-'

/** For Commander a `--` ends the options, and is gone; here it stands between reports, and options may follow it. */
export function withSides(argv: readonly string[]): string[] {
  const isCompare = argv[2] === 'bench' && argv[3] === 'compare'
  return isCompare ? argv.map((word) => (word === '--' ? BETWEEN : word)) : [...argv]
}
