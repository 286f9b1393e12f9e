import { SidewireError } from '../engine/errors.ts'
import { createLogger } from '../engine/logger.ts'
import { isLoopback } from '../engine/loopback.ts'
import type { Config, LogLevel, RuntimeChoice } from '../index.ts'
import { isDocument, type DocumentOptions } from '../server/document-file.ts'
import { loadConfig } from './config-file.ts'
import { demoOptions } from './demo/demo.ts'
import { say } from './report.ts'

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
  readonly workers?: number | 'auto'
  readonly broker?: string
}

/** What is served: a file, or the demo, and what the flags say. */
export interface ServeJob {
  readonly path: string | undefined
  readonly flags: ServeFlags
  /** Whether only this machine reached it at the start, however its host changes; `undefined` before it has started. */
  readonly isLocal?: boolean
}

/**
 * Loads it afresh; a flag overrides the config.
 * @param onFile - told each path whose change may change it
 */
export async function loadServeOptions(
  { path, flags, isLocal }: ServeJob,
  onFile: (path: string) => void = () => {},
): Promise<Config> {
  const about = aboutDocument(path, flags)
  const own = path === undefined ? demoOptions(flags.prefix) : await loadConfig(path, onFile, about)
  const { host, prefix, control, inspector } = flags
  const hasInspector = isLocal ?? isLoopback(host ?? own.host ?? 'localhost')
  return {
    ...own,
    inspector: inspector !== false && (own.inspector ?? hasInspector),
    ...given(flags, ['port', 'host', 'runtime', 'logLevel', 'workers', 'broker']),
    // A path or a token of the config stays.
    ...(flags.metrics && { metrics: own.metrics || true }),
    ...(prefix !== undefined && { endpointPrefix: prefix }),
    ...(control !== undefined && { control: typeof control === 'string' ? { token: control } : control }),
  }
}

function given<K extends keyof ServeFlags>(
  flags: ServeFlags,
  names: readonly K[],
): Partial<Pick<ServeFlags, K>> {
  return Object.fromEntries(
    names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])),
  ) as Partial<Pick<ServeFlags, K>>
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
