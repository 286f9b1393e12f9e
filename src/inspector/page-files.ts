import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { HttpAnswer } from '../engine/runtime.ts'

const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
}

/** What the page is made of, by its path behind `/.sidewire/`. */
const FILES: Readonly<Record<string, { readonly type: keyof typeof TYPES; read(): Buffer }>> = {
  '': { type: 'html', read: () => own('index.html') },
  'page/inspector.js': { type: 'js', read: () => own('inspector.js') },
  'page/inspector.css': { type: 'css', read: () => own('inspector.css') },
  'page/search.js': { type: 'js', read: () => own('search.js') },
  'page/uplot.js': { type: 'js', read: () => ofChart('uPlot.iife.min.js') },
  'page/uplot.css': { type: 'css', read: () => ofChart('uPlot.min.css') },
}

/** Nothing of others runs, loads or listens; who shows it in a frame is the dev server that it belongs to. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ')

const HEADERS = {
  'Content-Security-Policy': POLICY,
  // A page that asks for it, to measure time well, shows no frame without.
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
}

const kept = new Map<string, HttpAnswer>()

/** `undefined`: there is no such file. */
export function pageFile(name: string): HttpAnswer | undefined {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
  if (!file) return undefined
  const known = kept.get(name)
  if (known) return known
  const answer = { status: 200, headers: { ...HEADERS, 'Content-Type': TYPES[file.type] }, body: file.read() }
  kept.set(name, answer)
  return answer
}

/** Run from the sources, it is the one that was built last. */
function own(name: string): Buffer {
  const folder = import.meta.url.endsWith('.ts') ? '../../dist/inspector/' : './inspector/'
  return readFileSync(new URL(folder + name, import.meta.url))
}

function ofChart(name: string): Buffer {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${name}`))
}
