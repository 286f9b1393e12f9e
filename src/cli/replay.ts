import { resolve } from 'node:path'
import pc from 'picocolors'
import { isLoopback } from '../engine/loopback.ts'
import { createServer, type RuntimeChoice, type Server, type ServerOptions } from '../index.ts'
import { replay as handlersOf, type ReplayOptions } from '../recording/replay.ts'
import { shortPath } from '../documents/short-path.ts'
import { FileWatch } from './file-watch.ts'
import { messageOf, say } from './report.ts'
import { stopOnSignal } from './stop-on-signal.ts'

export interface ReplayFlags extends Pick<
  ReplayOptions,
  'mode' | 'speed' | 'maxGap' | 'pattern' | 'onMismatch' | 'onEnd' | 'exhausted'
> {
  readonly url?: string
  readonly port?: number
  readonly host?: string
  readonly runtime?: RuntimeChoice
  readonly watch?: boolean
}

/** `sidewire replay <file>`: until Ctrl-C. */
export async function replay(file: string, flags: ReplayFlags): Promise<void> {
  const { port, host, runtime, watch, ...replayOptions } = flags
  const path = resolve(file)
  const files = new FileWatch()
  files.add(path)
  const load = (): ServerOptions => ({
    // A pattern of `--pattern` is the whole path, too.
    endpointPrefix: '',
    wsHandlers: handlersOf(path, replayOptions),
    inspector: isLoopback(host ?? 'localhost'),
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    ...(runtime !== undefined && { runtime }),
  })
  const server = await createServer(load())
  stopOnSignal(() => {
    files.stop()
    return server.close()
  })
  if (watch)
    files.start(async () => {
      try {
        server.reload(load())
        console.log(`${pc.green('sidewire:')} reloaded ${shortPath(path)}`)
      } catch (error) {
        console.error(say(`not reloaded, the old recording stays: ${messageOf(error)}`))
      }
    })
  console.log(announcement(server, path, isLoopback(host ?? 'localhost')))
}

function announcement(server: Server, path: string, inspector: boolean): string {
  const lines = [
    `${pc.bold(pc.green('sidewire'))} replays ${shortPath(path)} on ${server.runtimeDescription} (runtime ${server.runtime})`,
    ...server.urls.map((url) => `  ${pc.cyan(url)}`),
  ]
  if (inspector)
    lines.push(
      `  ${pc.cyan(`${server.url.replace(/^ws/, 'http')}/.sidewire/`)} the inspector: what happens, live`,
    )
  return [...lines, pc.dim('  Ctrl-C stops it')].join('\n')
}
