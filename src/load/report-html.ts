import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Report } from './report.ts'

/** The report as one page: charts, styles and data are all in it. */
export function htmlReport(report: Report): string {
  const folder = new URL(import.meta.url.endsWith('.ts') ? './page/' : './load/page/', import.meta.url)
  const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8')
  const { resolve } = createRequire(import.meta.url)
  const parts: Record<string, string> = {
    title: escapeHtml(`${report.scenario} ${report.url} – sidewire bench`),
    'report.css': read('report.css'),
    'report.js': read('report.js'),
    // `</script>` in a URL or a message must not end the script.
    'report.json': JSON.stringify(report).replaceAll('<', '\\u003c'),
    'uplot.css': readFileSync(resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    'uplot.js': readFileSync(resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
  }
  return read('report.html').replace(
    /\/\* insert (\S+) \*\/|"insert (\S+)"|insert (title)/g,
    (_, script: string, data: string, text: string) => parts[script ?? data ?? text] ?? '',
  )
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
