import { pageFile } from '../page-file.ts'
import type { Report } from '../report.ts'
import type { MetricComparison } from './compare-reports.ts'

/** Both sides on one page. */
export function compareHtml(compared: {
  readonly comparisons: readonly MetricComparison[]
  readonly warnings: readonly string[]
  readonly base: readonly Report[]
  readonly next: readonly Report[]
  readonly tolerance: number
}): string {
  return pageFile('compare', `${compared.base[0]?.scenario ?? ''} – sidewire bench compare`, compared)
}
