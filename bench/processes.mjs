// Servers and generators as processes of their own, on a core each where the system lets us choose.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))

const SERVER_CORE = 0
const GENERATOR_CORE = 1
export const isPinned = canPin()

function canPin() {
  if (availableParallelism() < 2) return false
  try {
    for (const core of [SERVER_CORE, GENERATOR_CORE]) execFileSync('taskset', ['-c', String(core), 'true'])
    return true
  } catch {
    return false
  }
}

/** `taskset` becomes the program: signals and IPC reach it. */
function pin(core, command, args) {
  return isPinned ? ['taskset', ['-c', String(core), command, ...args]] : [command, args]
}

const START_TIMEOUT_MS = 20_000

export class Server {
  /** What it listens on. */
  ports
  #child
  #questions = []

  /** Starts a contestant, which prints its port, or several, in one line. */
  static async start({ command: [program, args] }) {
    const child = spawn(...pin(SERVER_CORE, program, args), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    const server = new Server()
    server.#child = child
    child.on('message', (answer) => server.#questions.shift()?.resolve(answer))
    child.on('exit', () => {
      for (const { reject } of server.#questions.splice(0)) reject(new Error('the server has ended'))
    })
    try {
      const line = await within(
        START_TIMEOUT_MS,
        `no port of ${args.join(' ')}`,
        new Promise((resolve, reject) => {
          child.stdout.once('data', (data) => resolve(String(data)))
          child.once('error', reject)
          child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}`)))
        }),
      )
      server.ports = line.trim().split(' ').map(Number)
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  get pid() {
    return this.#child.pid
  }

  get hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** 'cpu' or 'memory': see servers/usage.mjs. Answers come in the order of the questions. */
  ask(question) {
    return new Promise((resolve, reject) => {
      if (this.hasEnded) return reject(new Error('the server has ended'))
      this.#questions.push({ resolve, reject })
      this.#child.send(question, (error) => error && reject(error))
    })
  }

  /** Seconds of CPU time so far, and when that was. */
  async cpu() {
    const threads = `/proc/${this.#child.pid}/task`
    if (!existsSync(`${threads}/${this.#child.pid}/schedstat`)) return this.ask('cpu')
    // The first number is nanoseconds on a CPU. A server in a long broadcast answers no question meanwhile.
    const used = readdirSync(threads).map((id) =>
      Number(readFileSync(`${threads}/${id}/schedstat`, 'utf8').split(' ')[0]),
    )
    return { cpu: used.reduce((sum, value) => sum + value, 0) / 1e9, at: Date.now() }
  }

  async stop() {
    if (this.hasEnded) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }
}

/** Asks the same again and again while something goes on; returns the result and the answers, late ones included. */
export async function pollDuring(question, every, work) {
  const answers = []
  const ask = () =>
    question().then(
      (answer) => answers.push(answer),
      () => {}, // whoever ends the server says so
    )
  const timer = setInterval(ask, every)
  try {
    const result = await work()
    await ask()
    return [result, answers]
  } finally {
    clearInterval(timer)
  }
}

const GENERATORS = { tool: here('../dist/cli.js'), 'socket-io': here('socket-io-load.mjs') }

/** Runs a generator to its end. Throws what it said if its exit code is not 0 or its report has problems. */
export async function generate(url, { client = 'tool', load, seconds, warmup }) {
  const folder = mkdtempSync(join(tmpdir(), 'sidewire-bench-'))
  const file = join(folder, 'report.json')
  try {
    const { scenario, ...rest } = load
    const options = { ...rest, duration: seconds, warmup, json: file }
    const flags = Object.entries(options).flatMap(([name, value]) =>
      value === true ? [`--${name}`] : [`--${name}`, String(value)],
    )
    const words = [...(client === 'tool' ? ['bench'] : []), url, scenario, ...flags]
    const { code, output } = await run(GENERATORS[client], words, loadTimeout(load, seconds + warmup))
    const report = readReport(file)
    if (code === 0 && report?.ok) return report
    throw new Error(report?.problems.join('; ') || output.trim() || `the generator ended with ${code}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function loadTimeout({ connections }, seconds) {
  return 30_000 + seconds * 1000 + connections * 10
}

async function run(script, args, timeout) {
  const child = spawn(...pin(GENERATOR_CORE, process.execPath, [script, ...args]), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  try {
    return { code: await within(timeout, 'no end of the generator', ended), output }
  } finally {
    child.kill('SIGKILL')
  }
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

async function within(ms, what, promise) {
  let timer
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
