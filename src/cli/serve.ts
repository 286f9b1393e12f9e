import pc from 'picocolors'
import { SidewireError } from '../engine/errors.ts'
import { createLogger } from '../engine/logger.ts'
import { isLoopback } from '../engine/loopback.ts'
import { createServer, type LogLevel, type RuntimeChoice, type Server, type ServerOptions } from '../index.ts'
import { shortPath } from '../documents/short-path.ts'
import { isDocument, type DocumentOptions } from '../server/document-file.ts'
import { findConfig, loadConfig } from './config-file.ts'
import { CONFIG_NAME } from './config-name.ts'
import { demoOptions } from './demo/demo.ts'
import { FileWatch } from './file-watch.ts'
import { messageOf, say } from './report.ts'
import { stopOnSignal } from './stop-on-signal.ts'

export interface ServeFlags {
  readonly port?: number
  readonly host?: string
  readonly prefix?: string
  readonly runtime?: RuntimeChoice
  readonly logLevel?: LogLevel
  readonly watch?: boolean
  readonly control?: boolean | string
  readonly inspector?: boolean
  readonly metrics?: boolean
  readonly perspective?: 'server' | 'client'
  readonly seed?: string
}

/** `sidewire serve [config]` */
export async function serve(asked: string | undefined, flags: ServeFlags): Promise<void> {
  // Errors of handlers point into the user's files then, not into the bundle of them.
  process.setSourceMapsEnabled(true)
  const path = findConfig(asked, process.cwd())
  const files = new FileWatch()
  const about = aboutDocument(path, flags)
  const own =
    path === undefined ? demoOptions(flags.prefix) : await loadConfig(path, (file) => files.add(file), about)
  const isLocal = isLoopback(flags.host ?? own.host ?? 'localhost')
  const options = withFlags(own, flags, isLocal)
  const server = await createServer(options)
  // At `warn` and below a script wants to read nothing but trouble.
  const print = ['silent', 'error', 'warn'].includes(options.logLevel ?? 'info') ? () => {} : console.log
  stopOnSignal(() => {
    files.stop()
    return server.close()
  })
  if (flags.watch && path === undefined) console.error(say('--watch does nothing without a config file'))
  if (flags.watch && path !== undefined)
    reloadOnChange(path, files, server, { about, complete: (next) => withFlags(next, flags, isLocal), print })
  // Last, because whoever reads it may go on at once: change a file, send a signal.
  print(announcement(server, path === undefined, options))
}

/** How a document is read, and who is told what there is to say of it. @throws `ERR_OPTION` for flags that mean nothing to it */
function aboutDocument(
  path: string | undefined,
  { perspective, seed, logLevel = 'info' }: ServeFlags,
): DocumentOptions {
  const [flag] = Object.entries({ perspective, seed }).filter(([, value]) => value !== undefined)
  if (flag && (path === undefined || !isDocument(path)))
    throw new SidewireError(
      'ERR_OPTION',
      `--${flag[0]} is about an AsyncAPI document, such as sidewire serve api.yaml --${flag[0]} ${flag[1]}`,
    )
  const out = (text: string): void => console.log(say(text))
  const err = (text: string): void => console.error(say(text))
  return {
    logger: createLogger(logLevel, { error: err, warn: err, info: out, debug: err }, ''),
    ...(perspective !== undefined && { perspective }),
    ...(seed !== undefined && { seed }),
  }
}

/** @param inspector - whether there is one where nobody says so */
function withFlags(options: ServerOptions, flags: ServeFlags, inspector: boolean): ServerOptions {
  return {
    ...options,
    inspector: flags.inspector !== false && (options.inspector ?? inspector),
    ...(flags.port !== undefined && { port: flags.port }),
    ...(flags.host !== undefined && { host: flags.host }),
    ...(flags.prefix !== undefined && { endpointPrefix: flags.prefix }),
    ...(flags.runtime !== undefined && { runtime: flags.runtime }),
    ...(flags.logLevel !== undefined && { logLevel: flags.logLevel }),
    // A path or a token of the config stays.
    ...(flags.metrics && { metrics: options.metrics || true }),
    ...(flags.control !== undefined && {
      control: typeof flags.control === 'string' ? { token: flags.control } : flags.control,
    }),
  }
}

function announcement(server: Server, demo: boolean, { inspector, metrics }: ServerOptions): string {
  const lines = [
    `${pc.bold(pc.green('sidewire'))} on ${server.runtimeDescription} (runtime ${server.runtime})`,
  ]
  // Who has one under another name, or is in another folder, would wonder at handlers that are not theirs.
  if (demo) lines.push(`  no ${CONFIG_NAME} in ${process.cwd()}: this is the demo`)
  for (const url of server.urls) lines.push(`  ${pc.cyan(url)}`)
  if (server.urls.length === 0) lines.push('  no handlers')
  const page = server.url.replace(/^ws/, 'http')
  if (demo) lines.push(`  ${pc.cyan(`${page}/`)} the demo page: open it in two tabs`)
  if (inspector) lines.push(`  ${pc.cyan(`${page}/.sidewire/`)} the inspector: what happens, live`)
  if (metrics) {
    const { path = '/metrics' } = metrics === true ? {} : metrics
    lines.push(`  ${pc.cyan(page + path)} the metrics, for Prometheus`)
  }
  lines.push(pc.dim('  Ctrl-C stops it'))
  return lines.join('\n')
}

/** Swaps the handlers in place; a file with an error keeps the old ones. */
function reloadOnChange(
  path: string,
  files: FileWatch,
  server: Server,
  {
    about,
    complete,
    print,
  }: {
    readonly about: DocumentOptions
    readonly complete: (options: ServerOptions) => ServerOptions
    readonly print: (line: string) => void
  },
): void {
  files.start(async () => {
    const loaded = new Set<string>()
    try {
      const onFile = (file: string): void => {
        loaded.add(file)
        files.add(file)
      }
      const options = await loadConfig(path, onFile, about)
      files.keepOnly(loaded)
      server.reload(complete(options))
      print(`${pc.green('sidewire:')} reloaded ${shortPath(path)}`)
    } catch (error) {
      console.error(say(`not reloaded, the old handlers stay: ${messageOf(error)}`))
    }
  })
}
