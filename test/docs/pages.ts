import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../cli/cli.ts'

// What people read: the README, and all Markdown below docs/.

/** A block of code of a page. */
export interface Snippet {
  readonly page: string
  readonly line: number
  readonly language: string
  /** The name that the line before it ends with, as `` `name.ts`: ``: it is that file of a project. */
  readonly file: string | undefined
  readonly code: string
}

export const PAGES: readonly string[] = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((path) => `docs/${path.replaceAll('\\', '/')}`)
    // What VitePress has beside the pages is made from them.
    .filter((path) => path.endsWith('.md') && !path.includes('/.') && !path.includes('node_modules'))
    .toSorted(),
]

export function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8')
}

const BLOCK = /(?:^(?:.* )?`([\w./-]+\.\w+)`:\n\n)?^```(\S*).*\n([^]*?)^```$/gm

export function snippetsOf(page: string): Snippet[] {
  const text = read(page)
  return [...text.matchAll(BLOCK)].map(({ 1: file, 2: language = '', 3: code = '', index }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    language,
    file,
    code,
  }))
}

export const SNIPPETS: readonly Snippet[] = PAGES.flatMap(snippetsOf)

/** The files that a page shows, by their names. */
export function filesOf(page: string): Record<string, string> {
  return Object.fromEntries(
    snippetsOf(page).flatMap(({ file, code }) => (file === undefined ? [] : [[file, code]])),
  )
}

/** The one block of a page that is in this language and has this text. */
export function snippet(page: string, language: string, containing: string): string {
  const found = snippetsOf(page).find((one) => one.language === language && one.code.includes(containing))
  if (!found) throw new Error(`${page} has no ${language} block with ${containing}`)
  return found.code
}

/** The lines of a page's `sh` blocks, without what is behind a `#`. */
export function commandsOf(page: string): string[] {
  return snippetsOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.split('\n'))
    .map((line) => line.replace(/(^| )#.*$/, '').trim())
    .filter((line) => line !== '')
}

/** As a shell splits it, as far as the pages need. */
export function words(command: string): string[] {
  return command.match(/'[^']*'|\S+/g)?.map((word) => word.replace(/^'|'$/g, '')) ?? []
}
