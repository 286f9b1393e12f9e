import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { ServerOptions, StaticFile } from '../../index.ts'
import { demoHandlers } from './handlers.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** What `sidewire serve` serves without a config: the guide's chat and game, an echo, and a page to try them. */
export function demoOptions(): ServerOptions {
  return { wsHandlers: demoHandlers(), files: readPage() }
}

function readPage(): Record<string, StaticFile> {
  const folder = new URL(import.meta.url.endsWith('.ts') ? './page/' : './demo/page/', import.meta.url)
  const files: Record<string, StaticFile> = {}
  for (const name of readdirSync(folder)) {
    const file = { type: TYPES[extname(name)] ?? 'text/plain', body: readFileSync(new URL(name, folder)) }
    files[name === 'index.html' ? '/' : `/${name}`] = file
  }
  return files
}
