import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchReport } from '../../src/index.ts'
import { Cli, project, type Exit, type Target } from '../cli/cli.ts'
import { within } from '../support/client.ts'

export interface BenchRun extends Exit {
  readonly stdout: string
  readonly stderr: string
  /** What `--json` wrote; throws if there is no report. */
  readonly report: BenchReport
}

export interface BenchOptions {
  readonly files?: Readonly<Record<string, string>>
  readonly target?: Target
  /** Once it runs. */
  readonly during?: (cli: Cli) => Promise<void>
}

/** A run in which the generator had time to spare. It says so if a busy machine leaves it none: then once more. */
export async function atLeisure(run: () => Promise<BenchRun>, attempts = 10): Promise<BenchRun> {
  const ran = await run()
  return ran.report.generator.limited && attempts > 1 ? atLeisure(run, attempts - 1) : ran
}

/** Runs `sidewire bench` to its end, as a user does. */
export async function bench(
  url: string,
  args: readonly (string | number)[],
  { files = {}, target, during }: BenchOptions = {},
): Promise<BenchRun> {
  const cwd = project(files)
  const all = ['bench', url, ...args.map(String), '--json', 'report.json']
  const cli = new Cli(all, { cwd, ...(target && { target }) })
  await during?.(cli)
  const exit = await within(cli.exited, `no end of bench ${args.join(' ')}`)
  return {
    ...exit,
    stdout: cli.stdout.join('\n'),
    stderr: cli.stderr.join('\n'),
    get report() {
      return JSON.parse(readFileSync(join(cwd, 'report.json'), 'utf8')) as BenchReport
    },
  }
}
