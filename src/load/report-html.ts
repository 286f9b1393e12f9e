import { pageFile } from './page-file.ts'
import type { Report } from './report.ts'

/** The report as one page. */
export function htmlReport(report: Report): string {
  return pageFile('report', `${report.scenario} ${report.url} – sidewire bench`, report)
}
