import { watch } from 'chokidar'
import pc from 'picocolors'
import { createServer, type LogLevel, type RuntimeChoice, type Server, type ServerOptions } from '../index.ts'
import { findConfig, loadConfig, type LoadedConfig } from './config-file.ts'
import { demoOptions } from './demo/demo.ts'
import { messageOf } from './report.ts'

export interface ServeFlags {
  readonly port?: number
  readonly host?: string
  readonly prefix?: string
  readonly runtime?: RuntimeChoice
  readonly logLevel?: LogLevel
  readonly watch?: boolean
}

/** `sidewire serve [config]` */
export async function serve(asked: string | undefined, flags: ServeFlags): Promise<void> {
  const path = findConfig(asked, process.cwd())
  const loaded: LoadedConfig = path ? await loadConfig(path) : { options: demoOptions(flags.prefix), files: [] }
  const options = withFlags(loaded.options, flags)
  const server = await createServer(options)
  // At `warn` and below a script wants to read nothing but trouble.
  const chatty = !['silent', 'error', 'warn'].includes(options.logLevel ?? 'info')
  if (chatty) announce(server, options, path === undefined)
  const stopWatching = path && flags.watch ? reloadOnChange(path, loaded.files, server, flags) : undefined
  stopOnSignal(server, stopWatching)
}

function withFlags(options: ServerOptions, flags: ServeFlags): ServerOptions {
  return {
    ...options,
    ...(flags.port !== undefined && { port: flags.port }),
    ...(flags.host !== undefined && { host: flags.host }),
    ...(flags.prefix !== undefined && { endpointPrefix: flags.prefix }),
    ...(flags.runtime !== undefined && { runtime: flags.runtime }),
    ...(flags.logLevel !== undefined && { logLevel: flags.logLevel }),
  }
}

function announce(server: Server, options: ServerOptions, demo: boolean): void {
  const lines = [`${pc.bold(pc.green('sidewire'))} on ${server.runtimeDescription} (runtime ${server.runtime})`]
  for (const url of handlerUrls(server, options)) lines.push(`  ${pc.cyan(url)}`)
  const page = server.url.replace(/^ws/, 'http')
  if (demo) lines.push(`  ${pc.cyan(`${page}/`)} the demo page: open it in two tabs`)
  lines.push(pc.dim('  Ctrl-C stops it'))
  console.log(lines.join('\n'))
}

function handlerUrls(server: Server, options: ServerOptions): string[] {
  const prefixes = options.endpointPrefix ?? '/api'
  const all = typeof prefixes === 'string' ? [prefixes] : prefixes
  const clean = (path: string): string => path.replace(/^\/+|\/+$/g, '')
  return (options.wsHandlers ?? [])
    .filter((handler) => !handler.disabled)
    .flatMap((handler) =>
      all.map((prefix) => [server.url, clean(prefix), handler.pattern.replace(/^\//, '')].filter(Boolean).join('/')),
    )
}

/** Swaps the handlers in place; a file with an error keeps the old ones. */
function reloadOnChange(
  path: string,
  files: readonly string[],
  server: Server,
  flags: ServeFlags,
): () => Promise<void> {
  const watcher = watch([...files], { ignoreInitial: true, awaitWriteFinish: { stabilityThreshold: 50, pollInterval: 10 } })
  let known = new Set(files)
  let running: Promise<void> = Promise.resolve()
  const reload = async (): Promise<void> => {
    try {
      const loaded = await loadConfig(path)
      const added = loaded.files.filter((file) => !known.has(file))
      known = new Set([...known, ...loaded.files])
      watcher.add(added)
      server.reload(withFlags(loaded.options, flags))
      console.log(`${pc.green('sidewire:')} reloaded ${path}`)
    } catch (error) {
      console.error(`${pc.red('sidewire:')} not reloaded, the old handlers stay: ${messageOf(error)}`)
    }
  }
  watcher.on('all', () => {
    running = running.then(reload)
  })
  return () => watcher.close()
}

/** The first signal closes in order, the second ends at once. */
function stopOnSignal(server: Server, stopWatching: (() => Promise<void>) | undefined): void {
  let stopping = false
  const stop = (): void => {
    if (stopping) process.exit(1)
    stopping = true
    void Promise.all([stopWatching?.(), server.close()]).then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}
