// The inspector's page, for browsers: one file of its code with what it uses, one for the worker, and what they stand in.
import { cpSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const PAGE = fileURLToPath(new URL('../src/inspector/page/', import.meta.url))
const OUT = fileURLToPath(new URL('../dist/inspector/', import.meta.url))

export async function buildInspectorPage() {
  await build({
    entryPoints: { inspector: `${PAGE}main.tsx`, search: `${PAGE}search-worker.ts` },
    outdir: OUT,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome111', 'firefox114', 'safari16.4'],
    minify: true,
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    banner: {
      js: '/*! sidewire, with preact and @preact/signals (MIT), (c) Jason Miller and contributors */',
    },
    logLevel: 'warning',
  })
  for (const name of ['index.html', 'inspector.css']) cpSync(PAGE + name, OUT + name)
}
