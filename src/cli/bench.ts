import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { loadScript } from './script-file.ts'
import { SidewireError } from '../engine/errors.ts'
import { compare, readEarlier } from '../load/comparison.ts'
import { hideSecrets, shown } from '../load/mask.ts'
import { MessageTemplate } from '../load/message-template.ts'
import type { LoadOptions, ScenarioName } from '../load/options.ts'
import type { Report } from '../load/report.ts'
import { htmlReport } from '../load/report-html.ts'
import { textReport } from '../load/report-text.ts'
import { runLoad } from '../load/run.ts'
import { Secrets } from '../load/secrets.ts'
import { resolveTarget } from '../load/target.ts'
import { ProgressLine } from './progress-line.ts'
import { messageOf, say } from './report.ts'

export interface BenchFlags {
  readonly connections?: number
  readonly speed?: number
  readonly senders?: number
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
  readonly compare?: string
  readonly showSecrets?: boolean
}

const DEFAULT_CONNECTIONS: Record<ScenarioName, number> = {
  echo: 10,
  fanout: 100,
  connect: 10,
  idle: 1000,
  script: 10,
  replay: 10,
}

/** `sidewire bench <url> [scenario] [file]` */
export async function bench(
  url: string,
  scenario: ScenarioName,
  file: string | undefined,
  flags: BenchFlags,
): Promise<void> {
  const stop = new AbortController()
  let interrupted: number | undefined
  const end = (code: number): void => {
    // The second Ctrl-C does not wait for the report.
    if (interrupted !== undefined) process.exit(code)
    interrupted = code
    stop.abort()
  }
  const onInterrupt = (): void => end(EXIT.interrupted)
  const onTerminate = (): void => end(EXIT.terminated)
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate)
  const line = new ProgressLine()
  const { header: headers, join, message, subprotocol } = flags
  const secrets = flags.showSecrets ? undefined : new Secrets(url, { headers, join, message, subprotocol })
  hideSecrets(secrets?.values)
  try {
    const earlier = flags.compare === undefined ? undefined : readEarlier(flags.compare, scenario)
    const options = await resolveOptions(url, scenario, file, flags)
    const worker = new URL(
      import.meta.url.endsWith('.ts') ? './bench-worker.ts' : './bench-worker.js',
      import.meta.url,
    )
    const found = await runLoad(options, {
      worker,
      secrets: secrets?.values,
      signal: stop.signal,
      onProgress: (progress) => line.show(progress),
    })
    line.clear()
    const comparison = earlier && flags.compare ? compare(found, earlier, flags.compare) : null
    const report: Report = { ...(secrets?.mask(found, options) ?? found), comparison }
    // Whoever reads the data from standard output wants nothing else there.
    const print = flags.json === '-' || flags.html === '-' ? console.error : console.log
    print(textReport(report))
    if (flags.json !== undefined) write('--json', flags.json, `${JSON.stringify(report, undefined, 2)}\n`)
    if (flags.html !== undefined) write('--html', flags.html, htmlReport(report))
    process.exitCode = !report.ok ? EXIT.failed : comparison?.invalid.length ? EXIT.limited : EXIT.fine
  } catch (error) {
    line.clear()
    // Ours were masked where they were written; all of another is from outside.
    console.error(say(error instanceof SidewireError ? messageOf(error) : shown(messageOf(error))))
    process.exitCode = isMisuse(error) ? EXIT.usage : EXIT.failed
  } finally {
    process.exitCode = interrupted ?? process.exitCode ?? EXIT.failed
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate)
  }
}

/** What scripts and CI go by; docs/reference/cli.md and `--help` say the same. */
const EXIT = { fine: 0, failed: 1, usage: 2, limited: 3, interrupted: 130, terminated: 143 } as const

function isMisuse(error: unknown): boolean {
  return error instanceof SidewireError && (error.code === 'ERR_OPTION' || error.code === 'ERR_CONFIG')
}

async function resolveOptions(
  url: string,
  scenario: ScenarioName,
  file: string | undefined,
  flags: BenchFlags,
): Promise<LoadOptions> {
  if (flags.json === '-' && flags.html === '-')
    throw new SidewireError(
      'ERR_OPTION',
      'options "--json" and "--html" are both "-"; standard output takes one of them',
    )
  if (flags.rate !== undefined && flags.window !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      'options "--rate" (open loop) and "--window" (closed loop) exclude each other; choose one',
    )
  if ((scenario === 'script' || scenario === 'replay') !== (file !== undefined))
    throw new SidewireError(
      'ERR_OPTION',
      file === undefined
        ? `the scenario ${scenario} needs a file: sidewire bench <url> ${scenario} <file>`
        : `the scenario ${scenario} takes no file, but got ${JSON.stringify(shown(file ?? ''))}`,
    )
  if (scenario !== 'fanout' && flags.senders !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "--senders" is ${flags.senders}; only the scenario fanout has senders, and this is ${scenario}`,
    )
  if (scenario !== 'idle' && flags.pid !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "--pid" is ${flags.pid}; only the scenario idle reports memory, and this is ${scenario}`,
    )
  if (scenario !== 'replay' && flags.speed !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "--speed" is ${flags.speed}; only the scenario replay has a recording, and this is ${scenario}`,
    )
  for (const name of ['rate', 'window', 'size', 'join'] as const)
    if (scenario === 'replay' && flags[name] !== undefined)
      throw new SidewireError(
        'ERR_OPTION',
        `option "--${name}" is ${JSON.stringify(shown(String(flags[name])))}; in the scenario replay the recording says what is sent, and when (--speed)`,
      )
  checkWritable('--json', flags.json)
  checkWritable('--html', flags.html)
  const script = file === undefined || scenario === 'replay' ? undefined : resolve(file)
  // What is wrong with these is said before anything is opened.
  if (script !== undefined) await loadScript(script)
  else new MessageTemplate(flags.message, flags.size)
  const played = scenario === 'replay' ? await playbacksIn(file ?? '', url) : { playbacks: [], leftOut: [] }
  const headers = [...flags.header, ...loginOf(url, flags.header)]
  const connections = flags.connections ?? DEFAULT_CONNECTIONS[scenario]
  return {
    target: await resolveTarget(url),
    scenario,
    script,
    ...played,
    speed: flags.speed ?? 1,
    connections,
    senders: flags.senders ?? 1,
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

/** Loaded for that scenario only. */
async function playbacksIn(file: string, url: string): Promise<Pick<LoadOptions, 'playbacks' | 'leftOut'>> {
  const { playbacksOf } = await import('./playbacks.ts')
  return playbacksOf(file, url)
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

/** Said before the run, and not after all of it. */
function checkWritable(option: string, path: string | undefined): void {
  if (path === undefined || path === '-') return
  try {
    const isThere = existsSync(path)
    if (isThere && statSync(path).isDirectory()) throw new Error('it is a folder')
    accessSync(isThere ? path : dirname(resolve(path)), constants.W_OK)
  } catch (cause) {
    throw unwritable(option, path, cause)
  }
}

function write(option: string, path: string, text: string): void {
  try {
    if (path === '-') process.stdout.write(text)
    else writeFileSync(path, text)
  } catch (cause) {
    throw unwritable(option, path, cause)
  }
}

function unwritable(option: string, path: string, cause: unknown): SidewireError {
  return new SidewireError(
    'ERR_OPTION',
    `option "${option}" is "${shown(path)}": ${shown((cause as Error).message)}`,
    {
      cause,
    },
  )
}
