import { resolve } from 'node:path'
import { SidewireError } from '../engine/errors.ts'
import { parseThreshold, type Threshold } from '../load/expect/threshold.ts'
import { shown } from '../load/mask.ts'
import { DEFAULT_MESSAGE } from '../load/message-template.ts'
import { Messages } from '../load/messages.ts'
import type { LoadOptions, ScenarioName } from '../load/options.ts'
import { loadProtocol, type LoadProtocol, type ProtocolName } from '../load/protocols/protocol.ts'
import { growthOf } from '../load/stages/growth.ts'
import { durationOf, parseStages, type Stage } from '../load/stages/stage.ts'
import { resolveTarget } from '../load/target.ts'
import { loadScript } from './script-file.ts'

export interface BenchFlags {
  readonly connections?: number
  readonly speed?: number
  readonly senders?: number
  readonly duration?: number
  readonly warmup?: number
  readonly stage: readonly string[]
  readonly connectRate?: number
  readonly expect: readonly string[]
  readonly timeout: number
  readonly rate?: number
  readonly window?: number
  readonly message: string
  /** The smallest; and the largest, if sizes are drawn. */
  readonly size?: readonly [number, number?]
  readonly seed: number
  readonly localIps?: readonly string[]
  readonly join?: string
  readonly protocol?: ProtocolName
  readonly subprotocol?: string
  readonly header: readonly string[]
  readonly compress?: boolean
  readonly tlsInsecure?: boolean
  readonly workers: number
  readonly pid?: number
  readonly repeat?: number
  readonly against?: string
  readonly find?: string
  readonly agents?: number
  readonly listen?: { readonly host: string; readonly port: number }
  readonly token?: string
  readonly json?: string
  readonly csv?: string
  readonly junit?: string
  /** `true`: without a file. */
  readonly summary?: string | true
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

export async function resolveOptions(
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
  const stages = stagesOf(scenario, flags)
  const [size, maxSize] = flags.size ?? []
  const sizes = { size, maxSize }
  const script = file === undefined || scenario === 'replay' ? undefined : resolve(file)
  // What is wrong with these is said before anything is opened.
  if (script !== undefined) await loadScript(script)
  const protocol = await protocolOf(scenario, flags, maxSize)
  if (script === undefined && !protocol) new Messages({ message: flags.message, ...sizes, seed: 1 })
  const played = scenario === 'replay' ? await playbacksIn(file ?? '', url) : { playbacks: [], leftOut: [] }
  const headers = [...flags.header, ...loginOf(url, flags.header)]
  const { duration, warmup } = timesOf(flags, stages)
  const expect = flags.expect.map((text) => parseThreshold(text))
  for (const threshold of expect) checkThreshold(threshold, scenario, duration)
  const connections =
    growthOf({ stages, connectRate: flags.connectRate }) ?? flags.connections ?? DEFAULT_CONNECTIONS[scenario]
  const target = await resolveTarget(url)
  return {
    target: protocol?.path ? { ...target, path: protocol.path(target.path) } : target,
    protocol: flags.protocol,
    scenario,
    script,
    ...played,
    speed: flags.speed ?? 1,
    connections,
    senders: flags.senders ?? 1,
    duration,
    warmup,
    timeout: flags.timeout * 1000,
    rate: flags.rate,
    stages,
    connectRate: flags.connectRate,
    window: flags.window ?? 1,
    message: protocol && flags.message === DEFAULT_MESSAGE ? protocol.message : flags.message,
    ...sizes,
    seed: flags.seed,
    localAddresses: flags.localIps ?? [],
    join: flags.join,
    subprotocol: flags.subprotocol ?? protocol?.subprotocol,
    headers,
    compress: flags.compress ?? false,
    tlsInsecure: flags.tlsInsecure ?? false,
    workers: Math.min(flags.workers, connections),
    expect,
    pid: flags.pid,
  }
}

/** Milliseconds. */
const DURATION = 10_000
const WARMUP = 1000

/** Stages take as long as they take, and begin with the warm-up. */
function timesOf(
  { duration, warmup }: BenchFlags,
  stages: readonly Stage[],
): Pick<LoadOptions, 'duration' | 'warmup'> {
  if (stages.length === 0)
    return {
      duration: duration === undefined ? DURATION : duration * 1000,
      warmup: warmup === undefined ? WARMUP : warmup * 1000,
    }
  if (duration !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "--duration" is ${duration}; the stages say how long it takes: leave it out`,
    )
  const all = durationOf(stages)
  const before = (warmup ?? 0) * 1000
  if (before >= all)
    throw new SidewireError(
      'ERR_OPTION',
      `option "--warmup" is ${before / 1000}; it is the beginning of the stages, which take ${all / 1000} s: nothing would be left to measure`,
    )
  return { duration: all - before, warmup: before }
}

async function protocolOf(
  scenario: ScenarioName,
  { protocol, join, message }: BenchFlags,
  maxSize: number | undefined,
): Promise<LoadProtocol | undefined> {
  if (protocol === undefined) return undefined
  const refuse = (option: string, value: unknown, why: string): never => {
    throw new SidewireError('ERR_OPTION', `option "--${option}" is ${JSON.stringify(value)}; ${why}`)
  }
  if (!GROWING.includes(scenario))
    refuse(
      'protocol',
      protocol,
      `a protocol is spoken in ${GROWING.join(', ')} only, and this is ${scenario}`,
    )
  if (join !== undefined) refuse('join', shown(join), `it would be no message of ${protocol}: write a script`)
  if (maxSize !== undefined) refuse('size', maxSize, `messages of ${protocol} are all of one size`)
  try {
    if (message !== DEFAULT_MESSAGE) JSON.parse(message.replaceAll('{id}', '').replaceAll('{pad}', ''))
  } catch (cause) {
    refuse('message', shown(message), `${protocol} takes JSON: ${shown((cause as Error).message)}`)
  }
  return loadProtocol(protocol)
}

const GROWING: readonly ScenarioName[] = ['echo', 'script', 'idle']

function stagesOf(scenario: ScenarioName, flags: BenchFlags): readonly Stage[] {
  const stages = parseStages(flags.stage)
  const refuse = (option: string, value: unknown, why: string): never => {
    throw new SidewireError('ERR_OPTION', `option "--${option}" is ${JSON.stringify(value)}; ${why}`)
  }
  const [first] = stages
  if (scenario === 'connect' && flags.connectRate !== undefined)
    refuse(
      'connect-rate',
      flags.connectRate,
      'the scenario connect is about handshakes: --rate says how many a second',
    )
  if (!first) return stages
  if (first.of === 'rate') {
    if (scenario === 'idle' || scenario === 'replay')
      refuse('stage', first.text, `the scenario ${scenario} has no rate of messages`)
    if (flags.rate !== undefined) refuse('rate', flags.rate, 'the stages say what the rate is: leave it out')
    if (flags.window !== undefined)
      refuse('window', flags.window, 'stages of a rate are an open loop: leave it out')
  } else {
    if (!GROWING.includes(scenario))
      refuse(
        'stage',
        first.text,
        `connections come and go in ${GROWING.join(', ')} only, and this is ${scenario}`,
      )
    if (flags.connections !== undefined)
      refuse('connections', flags.connections, 'the stages say how many there are: leave it out')
    if (flags.pid !== undefined)
      refuse('pid', flags.pid, 'memory is that of connections that all stay: leave the stages out')
  }
  return stages
}

function checkThreshold({ text, window, metric }: Threshold, scenario: ScenarioName, duration: number): void {
  const refuse = (why: string): never => {
    throw new SidewireError('ERR_OPTION', `option "--expect" is "${text}"; ${why}`)
  }
  if (window !== undefined && window > duration)
    refuse(`the run measures for ${duration / 1000} s: choose a window that is no longer`)
  const isOfFanout = metric.kind === 'reach' || (metric.kind === 'latency' && metric.of === 'lastReceiver')
  if (isOfFanout && scenario !== 'fanout')
    refuse(`only the scenario fanout has that, and this is ${scenario}`)
  if (
    scenario === 'idle' &&
    (metric.kind === 'rate' || (metric.kind === 'latency' && metric.of === 'latency'))
  )
    refuse('the scenario idle sends no messages')
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
