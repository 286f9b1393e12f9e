import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where all paths below start: pages may stand beside the code that they are about. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** Every page, in the order of the sidebar. A new page is a line here; its name there is its own first heading. */
export const GROUPS: readonly (readonly [title: string, pages: readonly string[]])[] = [
  ['Start', ['docs/index.md', 'docs/start.md']],
  [
    'Guide',
    [
      'docs/guide/handlers.md',
      'docs/guide/rooms.md',
      'docs/guide/authentication.md',
      'docs/guide/heartbeat-and-limits.md',
      'docs/guide/compression.md',
      'docs/guide/vite.md',
      'docs/guide/standalone.md',
      'docs/guide/inspector.md',
      'docs/guide/metrics.md',
      'docs/guide/faults.md',
      'docs/guide/schemas.md',
      'docs/guide/scenarios.md',
      'docs/guide/mock-files.md',
      'docs/guide/presets.md',
      'docs/guide/asyncapi.md',
      'docs/guide/upstream.md',
      'docs/guide/record.md',
      'docs/guide/replay.md',
      'docs/guide/in-tests.md',
      'docs/guide/load-tests.md',
      'docs/guide/cores.md',
      'docs/guide/machines.md',
      'docs/guide/behind-a-proxy.md',
      'docs/guide/coming-from.md',
      'examples/vite-chat/README.md',
      'examples/metrics/README.md',
    ],
  ],
  ['Recipes', ['docs/recipes.md']],
  ['Troubleshooting', ['docs/troubleshooting.md']],
  [
    'Reference',
    [
      'docs/reference/index.md',
      'docs/reference/options.md',
      'docs/reference/handler.md',
      'docs/reference/connection.md',
      'docs/reference/scenario.md',
      'docs/reference/faults.md',
      'docs/reference/server.md',
      'docs/reference/testing.md',
      'docs/reference/replay.md',
      'docs/reference/asyncapi.md',
      'docs/reference/plugin-api.md',
      'docs/reference/close-codes.md',
      'docs/reference/error-codes.md',
      'docs/reference/cli.md',
      'docs/reference/control.md',
      'docs/reference/runtimes.md',
    ],
  ],
  ['Security', ['SECURITY.md']],
  ['Conformance', ['docs/conformance.md', 'docs/soak.md']],
  ['How fast', ['docs/how-fast.md', 'bench/README.md']],
  ['Project', ['CHANGELOG.md']],
]

export const PAGES: readonly string[] = GROUPS.flatMap(([, pages]) => pages)

/** What VitePress would take for pages, or for settings of its own, where it looks for them: everything else. */
export function noPages(): string[] {
  const folders = new Set(PAGES.flatMap((page) => (page.includes('/') ? [page.split('/', 1)[0] ?? ''] : [])))
  return readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory() && !folders.has(entry.name)) return [`${entry.name}/**`]
    const files = entry.isDirectory() ? filesOf(entry.name) : [entry.name]
    return files.filter((file) => file.endsWith('.md') && !PAGES.includes(file))
  })
}

function filesOf(folder: string): string[] {
  return readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => !file.includes('/node_modules/'))
}

/** The page's path on the site: what is in `docs` without it, what stands elsewhere in small letters. */
export function placeOf(page: string): string {
  if (page.startsWith('docs/')) return page.slice('docs/'.length)
  return page
    .toLowerCase()
    .replace(/^bench\/readme/, 'benchmarks')
    .replace(/\/readme\.md$/, '.md')
}

export function titleOf(page: string): string {
  const [, title] = /^# (.+)$/m.exec(readFileSync(`${ROOT}${page}`, 'utf8')) ?? []
  if (title === undefined) throw new Error(`${page} has no first heading; begin it with "# Its name"`)
  return title.replaceAll('`', '')
}
