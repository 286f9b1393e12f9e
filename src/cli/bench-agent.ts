import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { SidewireError } from '../engine/errors.ts'
import { coordinatorAt, serveCoordinator, type AgentOptions } from '../load/agents/agent.ts'
import { hideSecrets } from '../load/mask.ts'
import { EXIT } from './bench-exit.ts'
import { workerModule } from './bench-worker-module.ts'
import { messageOf, say } from './report.ts'
import { loadScript } from './script-file.ts'

export interface AgentFlags {
  readonly token: string
  readonly script?: string
  readonly name?: string
  readonly tlsInsecure?: boolean
}

/** Machines are not started in an order. */
const TRY_FOR_MS = 60_000
const TRY_EVERY_MS = 250

/** `sidewire bench agent <coordinator>` */
export async function benchAgent(coordinator: string, flags: AgentFlags): Promise<void> {
  hideSecrets([flags.token])
  const stop = (code: number): void => process.exit(code)
  process.once('SIGINT', () => stop(EXIT.interrupted)).once('SIGTERM', () => stop(EXIT.terminated))
  try {
    const options = await optionsOf(coordinator, flags)
    const until = performance.now() + TRY_FOR_MS
    while (!(await serveCoordinator(options, () => console.error(say(`connected to ${coordinator}`))))) {
      if (performance.now() > until)
        throw new SidewireError(
          'ERR_LOAD',
          `nobody listens at ${coordinator}; is the coordinator running there?`,
        )
      await new Promise((done) => setTimeout(done, TRY_EVERY_MS))
    }
    process.exitCode = EXIT.fine
  } catch (error) {
    console.error(say(messageOf(error)))
    const isMisuse = error instanceof SidewireError && ['ERR_OPTION', 'ERR_CONFIG'].includes(error.code)
    process.exitCode = isMisuse ? EXIT.usage : EXIT.failed
  }
}

async function optionsOf(coordinator: string, flags: AgentFlags): Promise<AgentOptions> {
  const target = coordinatorAt(coordinator)
  if (!target)
    throw new SidewireError(
      'ERR_OPTION',
      `the coordinator is ${JSON.stringify(coordinator)}; it has to be one such as ws://10.0.0.5:8790`,
    )
  const script = flags.script === undefined ? undefined : resolve(flags.script)
  if (script !== undefined) await loadScript(script)
  return {
    coordinator: target,
    token: flags.token,
    name: flags.name ?? hostname(),
    runtime: process.versions['bun'] ? `Bun ${process.versions['bun']}` : `Node ${process.versions.node}`,
    script,
    worker: workerModule(),
    tlsInsecure: flags.tlsInsecure ?? false,
  }
}
