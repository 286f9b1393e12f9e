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

/**
 * What `sidewire serve` serves without a config: the guide's chat, rooms and game, an echo, and a page to try them.
 * @param prefix - the `endpointPrefix` that the server will have: the page builds its URLs with it
 */
export function demoOptions(prefix = '/api'): ServerOptions {
  return { wsHandlers: demoHandlers(), files: readPage(prefix) }
}

function readPage(prefix: string): Record<string, StaticFile> {
  const folder = new URL(import.meta.url.endsWith('.ts') ? './page/' : './demo/page/', import.meta.url)
  const files: Record<string, StaticFile> = {}
  for (const name of readdirSync(folder)) {
    const type = TYPES[extname(name)] ?? 'text/plain'
    const body = readFileSync(new URL(name, folder))
    if (name === 'index.html') files['/'] = { type, body: fillIn(body.toString(), prefix) }
    else files[`/${name}`] = { type, body }
  }
  return files
}

/** Normalised as `endpointPrefix` is (one leading slash, no trailing one), and safe inside an attribute. */
function fillIn(html: string, prefix: string): string {
  const segments = prefix.replace(/^\/+|\/+$/g, '')
  const path = segments === '' ? '' : `/${segments}`
  return html.replace('{{prefix}}', () => path.replaceAll('&', '&amp;').replaceAll('"', '&quot;'))
}
