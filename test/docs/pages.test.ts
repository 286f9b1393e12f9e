import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { MAJORS } from '../../scripts/nodes.mjs'
import { howToGetUws } from '../../src/runtime/node/how-to-get-uws.ts'
import { endAll, project, ROOT } from '../cli/cli.ts'
import { mockFile } from '../../src/mock-file/mock-file.ts'
import { replay } from '../../src/recording/replay.ts'
import { commandsOf, PAGES, read, SNIPPETS, snippetsOf, type Snippet } from './pages.ts'

interface Manifest {
  readonly name: string
  readonly scripts: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}
const { name: OURS, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest

/** Who proves what is written in a language: nothing may stand on a page that nobody has tried. */
const PROOFS: Readonly<Record<string, (snippet: Snippet) => unknown>> = {
  // types.test.ts takes all of them.
  ts: () => true,
  js: () => true,
  json: ({ code }) => JSON.parse(code),
  jsonl: ({ code }) => replay(join(project({ 'x.jsonl': code }), 'x.jsonl')),
  sh: ({ page }) => commandsOf(page).every((command) => COMMANDS.some(([form]) => form.test(command))),
  // start.test.ts opens it.
  html: ({ page, file }) => page === 'docs/start.md' && file === 'chat.html',
  // behind-a-proxy.test.ts runs these two, the page says so of the other two.
  nginx: ({ file }) => file === 'nginx.conf',
  haproxy: ({ file }) => file === 'haproxy.cfg',
  caddyfile: isSaidToBeUnproven,
  // mock-files.test.ts serves it, and has it say the other.
  yaml: (snippet) =>
    // asyncapi.test.ts serves the documents.
    snippet.page === 'docs/guide/asyncapi.md' ||
    (snippet.file?.endsWith('.ws.yaml') ? handlersIn(snippet) > 0 : isSaidToBeUnproven(snippet)),
  // Who talks to whom.
  text: ({ page }) =>
    ['docs/guide/mock-files.md', 'docs/guide/cores.md', 'docs/guide/machines.md'].includes(page),
}

function handlersIn({ file = '', code }: Snippet): number {
  return mockFile(join(project({ [file]: code }), file)).length
}

/** Commands by their form, and who runs them. */
const COMMANDS: readonly (readonly [form: RegExp, by: string])[] = [
  [/^npm ci && npm start$/, 'test/supply-chain/start.test.ts'],
  [/^(npm ci && )?npm test$/, 'whoever runs this'],
  [new RegExp(`^npm run (${Object.keys(scripts).join('|')})$`), 'package.json has it'],
  [new RegExp(`^npm install --save-dev ${OURS}$`), 'test/supply-chain/pack.test.ts packs what it installs'],
  [/^npm install (-E )?\S+\/uwebsockets\.js[#@]v?[\d.]+$/i, 'below: it is what the server says'],
  [/^npm init --yes$|^mkdir \w+ && cd \w+$/, 'npm and the shell'],
  [/^npx sidewire (replay|convert) /, 'test/docs/replay.test.ts'],
  [/^(npx|bunx --bun) sidewire (serve|bench) ?/, 'test/docs/commands.test.ts'],
  [/^npm install --save-dev ajv ajv-formats json-schema-faker$/, 'test/docs/asyncapi.test.ts has them'],
  [/^npx sidewire asyncapi (check|export) /, 'test/docs/asyncapi.test.ts'],
  [/^npx sidewire record /, 'test/docs/record.test.ts'],
  [/^npx sidewire faults /, 'test/docs/faults.test.ts'],
]

afterEach(endAll)

function isSaidToBeUnproven({ page }: Snippet): boolean {
  return /Caddy and Traefik are not\s+installed for the tests/.test(read(page))
}

describe('the pages', () => {
  it('have no snippet that nobody tries', () => {
    expect(SNIPPETS.length).toBeGreaterThan(30)
    const untried = SNIPPETS.filter((snippet) => !PROOFS[snippet.language]?.(snippet))
    expect(untried.map(({ page, line, language, code }) => `${page}:${line} ${language}\n${code}`)).toEqual(
      [],
    )
  })

  it('name the builds of uWebSockets.js that the server names', () => {
    const place = { platform: 'linux', arch: 'x64', glibc: '2.41', npm: 11 }
    const [registry, official] = [24, 26].map((node) => howToGetUws({ ...place, node }))
    const said = PAGES.flatMap(commandsOf).filter((command) => /npm install.*uwebsockets/i.test(command))
    expect(said.length).toBeGreaterThan(1)
    for (const command of said)
      expect(command.includes('uNetworking') ? official : registry).toContain(command)
  })

  it.each(PAGES)('%s names files and headings that exist', (page) => {
    const links = [...withoutCode(read(page)).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
    const dead = links.map(([, link = '']) => link).filter((link) => !exists(page, link))
    expect(dead).toEqual([])
  })

  it('has every block closed', () => {
    for (const page of PAGES) {
      const fences = read(page).match(/^```/gm) ?? []
      expect([page, snippetsOf(page).length * 2]).toEqual([page, fences.length])
    }
  })

  it('name files where they can be read, and not in comments', () => {
    expect(PAGES.filter((page) => read(page).includes('<!-- file:'))).toEqual([])
  })

  it('are all reached from docs/index.md', () => {
    const index = read('docs/index.md')
    const missing = PAGES.filter((page) => page !== 'README.md' && page !== 'docs/index.md')
      .map((page) => page.replace('docs/', ''))
      .filter((page) => !index.includes(`](${page})`))
    expect(missing).toEqual([])
  })
})

describe('the README', () => {
  const readme = read('README.md')

  it('is read to its end', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(150)
    expect(readme.split(/\s+/).length).toBeLessThanOrEqual(1300)
  })

  it('shows each use in 10 lines, and says where there is more', () => {
    const uses =
      readme
        .split('## Four uses\n')[1]
        ?.split('\n## ')[0]
        ?.split(/^(?=\*\*)/m) ?? []
    expect(uses.slice(1).map((use) => /^\*\*\[.*?\]\((.*?)\)/.exec(use)?.[1])).toEqual([
      'docs/guide/vite.md',
      'docs/guide/standalone.md',
      'docs/guide/in-tests.md',
      'docs/guide/load-tests.md',
    ])
    for (const use of uses.slice(1)) {
      const [, code = ''] = /```\w+\n([^]*?)```/.exec(use) ?? []
      expect(code.trim().split('\n').length).toBeLessThanOrEqual(10)
    }
  })

  it('says what the suite is run on', () => {
    const [head = ''] = readme.split('## What was tested\n')[1]?.match(/^\|.*$/m) ?? []
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest
    expect([...head.matchAll(/\b\d+\b(?!\.)/g)].map(Number).slice(0, MAJORS.length)).toEqual(MAJORS)
    expect(head).toContain(`Bun ${devDependencies['bun']}`)
  })

  it('has the figures of the last benchmark', () => {
    const { scenarios } = JSON.parse(readFileSync(join(ROOT, 'bench/results/latest.json'), 'utf8')) as {
      scenarios: { name: string; ratios: Ratio[] }[]
    }
    const ratio = (name: string, wanted: string, figure: Ratio['basis']): string => {
      const { ratios = [] } = scenarios.find((scenario) => scenario.name === name) ?? {}
      return String(ratios.find(({ of, by }) => of === wanted && by === 'ws')?.[figure].median.toPrecision(3))
    }
    expect(readme).toContain(`echoes ${ratio('echo-16', 'engine-uws', 'perSecond')} times as many messages`)
    expect(readme).toContain(`delivers ${ratio('fanout-100', 'engine-uws', 'perCpuSecond')} times as many`)
    expect(readme).toContain(`it delivers ${ratio('fanout-100', 'engine-ws', 'perSecond')} times as many`)
  })
})

interface Ratio {
  readonly of: string
  readonly by: string
  readonly basis: 'perSecond' | 'perCpuSecond'
  readonly perSecond: { readonly median: number }
  readonly perCpuSecond: { readonly median: number }
}

/** What stands in code is an example, and no link. */
function withoutCode(text: string): string {
  return text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '`')
}

function exists(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(ROOT, file))) return false
  return anchor === undefined || headings(file).has(anchor)
}

/** The anchors that a forge and VitePress make of headings: the two agree on words and spaces. */
function headings(file: string): Set<string> {
  const found = [...read(file).matchAll(/^#+ +(.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  )
  return new Set(found)
}
