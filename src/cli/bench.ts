import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadScript } from './script-file.ts'
import { SidewireError } from '../index.ts'
import { Mask } from '../load/mask.ts'
import { MessageTemplate } from '../load/message-template.ts'
import type { LoadOptions, ScenarioName } from '../load/options.ts'
import { htmlReport } from '../load/report-html.ts'
import { textReport } from '../load/report-text.ts'
import { runLoad } from '../load/run.ts'
import { resolveTarget } from '../load/target.ts'
import { ProgressLine } from './progress-line.ts'
import { messageOf, say } from './report.ts'

export interface BenchFlags {
  readonly connections?: number
  readonly senders: number
  readonly duration: number
  readonly warmup: number
  readonly timeout: number
  readonly rate?: number
  readonly window?: number
  readonly message: string
  readonly size?: number
  readonly join?: string
  readonly subprotocol?: string
  readonly header: readonly string[]
  readonly compress?: boolean
  readonly tlsInsecure?: boolean
  readonly workers: number
  readonly pid?: number
  readonly json?: string
  readonly html?: string
  readonly showSecrets?: boolean
}

const DEFAULT_CONNECTIONS: Record<ScenarioName, number> = {
  echo: 10,
  fanout: 100,
  connect: 10,
  idle: 1000,
  script: 10,
}

/** `sidewire bench <url> [scenario] [file]` */
export async function bench(
  url: string,
  scenario: ScenarioName,
  file: string | undefined,
  flags: BenchFlags,
): Promise<void> {
  const stop = new AbortController()
  // The second Ctrl-C does not wait for the report.
  const interrupt = (): void => (stop.signal.aborted ? process.exit(130) : stop.abort())
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  const line = new ProgressLine()
  const mask = flags.showSecrets ? undefined : new Mask(url, { headers: flags.header, join: flags.join })
  try {
    const options = await resolveOptions(url, scenario, file, flags)
    const worker = new URL(
      import.meta.url.endsWith('.ts') ? './bench-worker.ts' : './bench-worker.js',
      import.meta.url,
    )
    const found = await runLoad(options, {
      worker,
      signal: stop.signal,
      onProgress: (progress) => line.show(progress),
    })
    line.clear()
    const report = mask?.report(found, options) ?? found
    console.log(textReport(report))
    if (flags.json !== undefined) write('--json', flags.json, `${JSON.stringify(report, undefined, 2)}\n`)
    if (flags.html !== undefined) write('--html', flags.html, htmlReport(report))
    process.exitCode = report.ok ? 0 : 1
  } catch (error) {
    line.clear()
    console.error(say(mask?.text(messageOf(error)) ?? messageOf(error)))
    process.exitCode = 1
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

async function resolveOptions(
  url: string,
  scenario: ScenarioName,
  file: string | undefined,
  flags: BenchFlags,
): Promise<LoadOptions> {
  if (flags.rate !== undefined && flags.window !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      'options "--rate" (open loop) and "--window" (closed loop) exclude each other; choose one',
    )
  if ((scenario === 'script') !== (file !== undefined))
    throw new SidewireError(
      'ERR_OPTION',
      file === undefined
        ? 'the scenario script needs a file: sidewire bench <url> script <file>'
        : `the scenario ${scenario} takes no file, but got ${JSON.stringify(file)}`,
    )
  const script = file === undefined ? undefined : resolve(file)
  // What is wrong with these is said before anything is opened.
  if (script !== undefined) await loadScript(script)
  else new MessageTemplate(flags.message, flags.size)
  const headers = [...flags.header, ...loginOf(url, flags.header)]
  const connections = flags.connections ?? DEFAULT_CONNECTIONS[scenario]
  return {
    target: await resolveTarget(url),
    scenario,
    script,
    connections,
    senders: flags.senders,
    duration: flags.duration * 1000,
    warmup: flags.warmup * 1000,
    timeout: flags.timeout * 1000,
    rate: flags.rate,
    window: flags.window ?? 1,
    message: flags.message,
    size: flags.size,
    join: flags.join,
    subprotocol: flags.subprotocol,
    headers,
    compress: flags.compress ?? false,
    tlsInsecure: flags.tlsInsecure ?? false,
    workers: Math.min(flags.workers, connections),
    pid: flags.pid,
  }
}

/** RFC 7617: the `user:password@` of a URL as a header. */
function loginOf(text: string, headers: readonly string[]): string[] {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.username === '' && url.password === '')) return []
  if (headers.some((line) => /^authorization:/i.test(line)))
    throw new SidewireError(
      'ERR_OPTION',
      'the URL has a user, and "--header" has an Authorization; a handshake carries one of them',
    )
  const read = (part: string): string => {
    try {
      return decodeURIComponent(part)
    } catch (cause) {
      throw new SidewireError(
        'ERR_OPTION',
        'the user or password of the URL has a % that is no escape; write %25',
        {
          cause,
        },
      )
    }
  }
  const login = Buffer.from(`${read(url.username)}:${read(url.password)}`).toString('base64')
  return [`Authorization: Basic ${login}`]
}

function write(option: string, path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (cause) {
    throw new SidewireError('ERR_OPTION', `option "${option}" is "${path}": ${(cause as Error).message}`, {
      cause,
    })
  }
}
