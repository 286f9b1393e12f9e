import { readFileSync } from 'node:fs'
import { defineConfig, type DefaultTheme, type UserConfig } from 'vitepress'
import { keepBraces } from './braces.ts'
import { useLinksOfFiles } from './links.ts'
import { GROUPS, noPages, PAGES, placeOf, ROOT, titleOf } from './pages.ts'

/** As the forge makes anchors, so that `#maxpayload` and `#err_option` lead to the same place in both. */
function slugify(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-')
}

const links = (pages: readonly string[]): { text: string; link: string }[] =>
  pages.map((page) => ({ text: titleOf(page), link: `/${placeOf(page)}` }))

/** Of the demo page. In the page itself, as there is no folder of files that are copied. */
const LOGO = `data:image/svg+xml;base64,${readFileSync(`${ROOT}src/cli/demo/page/logo.svg`, 'base64')}`

const config: UserConfig = defineConfig({
  title: 'sidewire',
  description: 'One WebSocket engine for real-time frontends: a mock server, a Vite plugin and a load tool.',
  lang: 'en',
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: LOGO }]],
  // Pages beside the code are pages too; which ones are says pages.ts.
  srcDir: '..',
  srcExclude: noPages(),
  rewrites: Object.fromEntries(PAGES.map((page) => [page, placeOf(page)])),
  outDir: '.vitepress/dist',
  ignoreDeadLinks: false,
  // There are HTML pages in the repository that are none of the site's: Vite shall not look into them for packages.
  vite: { optimizeDeps: { entries: [] } },
  markdown: {
    anchor: { slugify },
    // Without colours: there is no grammar of these.
    languageAlias: { haproxy: 'txt', caddyfile: 'txt' },
    config(md) {
      useLinksOfFiles(md)
      keepBraces(md)
    },
  },
  themeConfig: {
    logo: LOGO,
    sidebar: GROUPS.flatMap(([text, pages]): DefaultTheme.SidebarItem[] => {
      const items = links(pages)
      return items.length > 1 ? [{ text, items }] : items
    }),
    outline: [2, 3],
    // In the page: it asks no server.
    search: { provider: 'local' },
  },
})

export default config
