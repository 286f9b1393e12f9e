import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { within } from '../support/client.ts'
import { defer } from '../vite/rig.ts'

/** Runs a program to its end. */
export async function run(
  [command = '', ...args]: readonly string[],
  cwd: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ exit: unknown; output: string }> {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', ...more }
  // What the test runner brought: a runner within it is one of its own.
  for (const name of Object.keys(env))
    if (/^(VITEST|TEST$|FORCE_COLOR$|CI$)|^NODE_ENV$|^NODE_TEST_CONTEXT$/.test(name)) delete env[name]
  const child = spawn(command, args, { cwd, env })
  defer(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk))
  const exit = await within(
    new Promise((resolve) => child.once('close', resolve)),
    `no end of ${args.join(' ')}`,
    100_000,
  )
  return { exit, output }
}

const STRICT = [
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noEmit',
  '--pretty',
  'false',
  '--skipLibCheck',
  'false',
]
const MODERN = [
  '--target',
  'es2023',
  '--module',
  'nodenext',
  '--lib',
  'es2023,esnext.disposable,dom',
  '--types',
  'node',
]
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))

/** Checks the types of files, and of all that they import. */
export function checkTypes(cwd: string, ...files: string[]): Promise<{ exit: unknown; output: string }> {
  return run([process.execPath, TSC, ...STRICT, ...MODERN, ...files], cwd)
}
