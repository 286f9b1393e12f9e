import { existsSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import type { MarkdownRenderer } from 'vitepress'
import { PAGES, placeOf, ROOT } from './pages.ts'

type Core = Parameters<MarkdownRenderer['core']['ruler']['push']>[1]
type Token = Parameters<Core>[0]['tokens'][number]

/**
 * Pages link as the forge wants it: by the path to the file. On the site another path may lead there; and what is no page
 * of it, such as a test, becomes the name of the file, as nobody knows where its reader has the repository.
 */
export function useLinksOfFiles(md: MarkdownRenderer): void {
  const follow: Core = ({ tokens, env }) => {
    const { realPath, path } = env as { realPath?: string; path: string }
    const page = realPath ?? path
    for (const { children } of tokens) if (children) followAll(children, page)
  }
  md.core.ruler.push('links-of-files', follow)
}

function followAll(tokens: Token[], page: string): void {
  for (const [index, token] of tokens.entries()) {
    if (token.type !== 'link_open') continue
    const [path = '', anchor] = String(token.attrGet('href')).split('#', 2)
    if (path === '' || /^[a-z]+:/.test(path) || path.startsWith('/')) continue
    const file = relative(ROOT, resolve(dirname(page), decodeURIComponent(path))).replaceAll('\\', '/')
    if (PAGES.includes(file))
      token.attrSet('href', `/${placeOf(file)}${anchor === undefined ? '' : `#${anchor}`}`)
    // VitePress fails the build for what is not there at all.
    else if (existsSync(`${ROOT}${file}`)) nameInstead(tokens, index, file)
  }
}

/** `[why](../src/x.ts)` becomes `why (src/x.ts)`. */
function nameInstead(tokens: Token[], opening: number, file: string): void {
  const closing = tokens.findIndex(({ type }, index) => index > opening && type === 'link_close')
  for (const index of [opening, closing]) {
    const token = tokens[index]
    if (!token) continue
    token.type = 'text'
    token.tag = ''
    token.nesting = 0
    token.content = index === closing ? ` (${file})` : ''
  }
}
