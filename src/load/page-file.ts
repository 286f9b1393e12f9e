import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** A page in one file: charts, styles and data are all in it. */
export function pageFile(name: 'report' | 'compare', title: string, data: unknown): string {
  const folder = new URL(import.meta.url.endsWith('.ts') ? './page/' : './load/page/', import.meta.url)
  const read = (file: string): string => readFileSync(new URL(file, folder), 'utf8')
  const { resolve } = createRequire(import.meta.url)
  const parts: Record<string, string> = {
    title: escapeHtml(title),
    'report.css': read('report.css'),
    [`${name}.js`]: read(`${name}.js`),
    // `</script>` in a URL or a message must not end the script.
    'report.json': JSON.stringify(data).replaceAll('<', '\\u003c'),
    'uplot.css': readFileSync(resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    'uplot.js': readFileSync(resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
  }
  return read(`${name}.html`).replace(
    /\/\* insert (\S+) \*\/|"insert (\S+)"|insert (title)/g,
    (_, script: string, json: string, text: string) => parts[script ?? json ?? text] ?? '',
  )
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
