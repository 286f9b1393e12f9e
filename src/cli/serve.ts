import { fileURLToPath } from 'node:url'
import pc from 'picocolors'
import { isLoopback } from '../engine/loopback.ts'
import { createServer, type ServerOptions } from '../index.ts'
import { shortPath } from '../documents/short-path.ts'
import { findConfig } from './config-file.ts'
import { CONFIG_NAME } from './config-name.ts'
import { FileWatch } from './file-watch.ts'
import { messageOf, say } from './report.ts'
import { loadServeOptions, type ServeFlags, type ServeJob } from './serve-options.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** What serves: this process, or several. */
interface Serving {
  readonly url: string
  readonly urls: readonly string[]
  readonly runtime: string
  readonly runtimeDescription: string
  /** More than one, or none of its own. */
  readonly workers?: number
  /** @returns why the old ones stay, if the new ones are not served */
  reload(options: ServerOptions): Promise<string | undefined>
  close(): Promise<unknown>
  /** Does not wait. */
  kill(): void
}

/** `sidewire serve [config]` */
export async function serve(asked: string | undefined, flags: ServeFlags): Promise<void> {
  // Errors of handlers point into the user's files then, not into the bundle of them.
  process.setSourceMapsEnabled(true)
  const asking = { path: findConfig(asked, process.cwd()), flags }
  const files = new FileWatch()
  const { workers, ...options } = await loadServeOptions(asking, (file) => files.add(file))
  const job = { ...asking, isLocal: isLoopback(options.host ?? 'localhost') }
  const serving = (await onWorkers(job, workers, options)) ?? (await here(options))
  // At `warn` and below a script wants to read nothing but trouble.
  const print = ['silent', 'error', 'warn'].includes(options.logLevel ?? 'info') ? () => {} : console.log
  const end = (): Promise<unknown> => {
    files.stop()
    return serving.close()
  }
  stopOnSignal(end, () => serving.kill())
  if (flags.watch && job.path === undefined) console.error(say('--watch does nothing without a config file'))
  if (flags.watch) reloadOnChange(job, files, serving, print)
  // Last, because whoever reads it may go on at once: change a file, send a signal.
  print(announcement(serving, job.path === undefined, options))
}

async function here(options: ServerOptions): Promise<Serving> {
  const server = await createServer(options)
  return {
    url: server.url,
    get urls() {
      return server.urls
    },
    runtime: server.runtime,
    runtimeDescription: server.runtimeDescription,
    async reload(next) {
      server.reload(next)
      return undefined
    },
    close: () => server.close(),
    kill() {},
  }
}

/** `undefined`: one process is enough, or all that can be. */
async function onWorkers(
  job: ServeJob,
  asked: number | 'auto' | undefined,
  options: ServerOptions,
): Promise<Serving | undefined> {
  if (asked === undefined || asked === 1) return undefined
  const { planWorkers, Supervisor } = await import('../workers/workers.ts')
  const { workers, notice, options: planned } = await planWorkers(asked, options)
  if (notice !== undefined) console.error(say(notice))
  if (workers === 1) return undefined
  const module = import.meta.url.endsWith('.ts') ? './serve-worker.ts' : './serve-worker.js'
  const supervisor = new Supervisor({
    exec: fileURLToPath(new URL(module, import.meta.url)),
    job,
    workers,
    options: planned,
    say: (line) => console.error(say(line)),
  })
  const giveUp = (): void => {
    supervisor.kill()
    process.exit(1)
  }
  process.on('SIGINT', giveUp).on('SIGTERM', giveUp)
  const served = await supervisor.start()
  process.off('SIGINT', giveUp).off('SIGTERM', giveUp)
  process.on('SIGHUP', () => void supervisor.restart())
  return {
    ...served,
    workers,
    reload: (next) => supervisor.reload(next),
    close: () => supervisor.stop(),
    kill: () => supervisor.kill(),
  }
}

function announcement(serving: Serving, demo: boolean, { inspector, metrics }: ServerOptions): string {
  const { workers, runtime, runtimeDescription } = serving
  const who = pc.bold(pc.green('sidewire'))
  const many = workers === undefined ? '' : `: ${workers} workers`
  const lines = [`${who}${many} on ${runtimeDescription} (runtime ${runtime})`]
  // Who has one under another name, or is in another folder, would wonder at handlers that are not theirs.
  if (demo) lines.push(`  no ${CONFIG_NAME} in ${process.cwd()}: this is the demo`)
  for (const url of serving.urls) lines.push(`  ${pc.cyan(url)}`)
  if (serving.urls.length === 0) lines.push('  no handlers')
  const page = serving.url.replace(/^ws/, 'http')
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
  job: ServeJob,
  files: FileWatch,
  serving: Serving,
  print: (line: string) => void,
): void {
  const { path } = job
  if (path === undefined) return
  const stay = (why: string): void => console.error(say(`not reloaded, the old handlers stay: ${why}`))
  files.start(async () => {
    const loaded = new Set<string>()
    try {
      const { workers: _, ...options } = await loadServeOptions(job, (file) => {
        loaded.add(file)
        files.add(file)
      })
      files.keepOnly(loaded)
      const why = await serving.reload(options)
      if (why === undefined) print(`${pc.green('sidewire:')} reloaded ${shortPath(path)}`)
      else stay(why)
    } catch (error) {
      stay(messageOf(error))
    }
  })
}
