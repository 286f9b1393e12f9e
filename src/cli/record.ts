import pc from 'picocolors'
import { SidewireError } from '../engine/errors.ts'
import { createServer, defineHandler, type HandshakeRequest, type Server, type Upstream } from '../index.ts'
import { openRecorder, type Recorder } from '../recording/recorder.ts'
import { sentenceOf } from '../recording/summary.ts'
import { say } from './report.ts'
import { stopOnSignal } from './stop-on-signal.ts'

export interface RecordFlags {
  readonly output?: string
  readonly port?: number
  readonly origin?: string
  readonly header: readonly string[]
  readonly insecure?: boolean
  /** Keys; `false` for `--no-redact`. */
  readonly redact: readonly string[] | false
}

/** `sidewire record <url>`: until Ctrl-C. */
export async function record(text: string, flags: RecordFlags): Promise<void> {
  const url = urlOf(text)
  const recorder = await openRecorder(
    {
      file: flags.output ?? `${url.host.replaceAll(/[^\w.-]/g, '-')}-{date}.jsonl`,
      redact: flags.redact === false ? false : { keys: flags.redact },
    },
    { url: `${url.protocol}//${url.host}`, onError: (message) => console.error(say(message)) },
  )
  const server = await serve(url, flags, recorder).catch(async (error: unknown) => {
    await recorder.close()
    throw error
  })
  // Both legs are ended, and then the file is complete.
  stopOnSignal(async () => {
    await server.close()
    console.log(say(sentenceOf(await recorder.close())))
  })
  console.log(announcement(server, url, recorder))
}

/** @throws `ERR_OPTION` */
function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^(?:ws|http)s?:$/.test(url.protocol)) return url
  throw new SidewireError(
    'ERR_OPTION',
    `the URL is ${JSON.stringify(text)}; it has to be that of a WebSocket server, such as ws://localhost:4000/ws`,
  )
}

function serve(url: URL, flags: RecordFlags, recorder: Recorder): Promise<Server> {
  const { origin, insecure = false } = flags
  const common: Omit<Upstream, 'url'> = {
    headers: headersOf(flags.header),
    tls: { insecure },
    // It is one already, so that the summary is ours to write.
    record: recorder,
    ...(origin !== undefined && { origin }),
  }
  const login = url.username || url.password ? `${url.username}:${url.password}@` : ''
  const base = `${url.protocol}//${login}${url.host}`
  const handler = defineHandler({
    pattern: '/**',
    prefix: false,
    upstream: (req: HandshakeRequest) => ({ ...common, url: base + pathOf(req) }),
  })
  return createServer({ wsHandlers: [handler], ...(flags.port !== undefined && { port: flags.port }) })
}

/** As the client has it; what would be a `{name}` is none here. */
function pathOf({ url }: HandshakeRequest): string {
  return url
    .replace(/[?#].*$/s, '')
    .replaceAll('{', '%7B')
    .replaceAll('}', '%7D')
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon)] = line.slice(colon + 1).trim()
  }
  return headers
}

function announcement(server: Server, url: URL, recorder: Recorder): string {
  return [
    `${pc.bold(pc.green('sidewire'))} records ${pc.cyan(`${url.protocol}//${url.host}`)} to ${recorder.file}`,
    `  ${pc.cyan(server.url + url.pathname + url.search)} is what your client connects to`,
    pc.dim('  Ctrl-C stops it'),
  ].join('\n')
}
