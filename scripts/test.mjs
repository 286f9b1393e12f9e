// `npm test`: the whole suite on Node, then what opens sockets once more inside Bun, and the contract on the other
// versions of Node that users are on. The last line sums up all. Arguments go to vitest, and then only the first two
// run: `npm test -- test/contract -t rooms`.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bringNode, MAJORS } from './nodes.mjs'
import { whyNoUws } from './uws-here.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const { bun: bunVersion } = JSON.parse(readFileSync('package.json', 'utf8')).devDependencies
/** The binary behind node_modules/.bin/bun; on Windows that one is a script. */
const BUN = 'node_modules/bun/bin/bun.exe'
const VITEST = 'node_modules/vitest/vitest.mjs'
/** A run that hangs ends as a failure; it takes 15 minutes, on a busy machine twice as long. */
const RUN_TIMEOUT = 60 * 60_000

const vitestArgs = process.argv.slice(2)
const reports = mkdtempSync(join(tmpdir(), 'sidewire-test-'))
const total = { passed: 0, failed: 0, skipped: 0 }
const problems = []
/** What cannot be proven on this machine, and why; that is no failure, but nobody shall take it for a proof. */
const unproven = []

try {
  if (hasChromium() && hasBun()) {
    lookForProxies()
    lookForServers()
    lookForStrace()
    lookForUws()
    step('Build')
    if (run(process.execPath, ['node_modules/tsup/dist/cli-default.js'])) problem('The build failed')
    const ran =
      vitest('node', `Node ${process.versions.node}`, process.execPath, [VITEST]) +
      vitest('bun', `Bun ${bunVersion}`, BUN, ['--bun', VITEST])
    if (ran === 0 && vitestArgs.length > 0) problem('No test matches these arguments')
    if (vitestArgs.length === 0) await onOtherNodes()
  }
} finally {
  rmSync(reports, { recursive: true, force: true })
  console.log()
  for (const text of problems) console.log(`✗ ${text}`)
  for (const { what, why } of unproven) console.log(`! NOT PROVEN on this machine: ${what} (${why})`)
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  process.exitCode = total.failed > 0 ? 1 : 0
}

/** Chromium for the tests in a browser, downloaded if need be. */
function hasChromium() {
  step('Chromium')
  if (run(process.execPath, ['scripts/chromium.mjs']) === undefined) return true
  problem('No Chromium: see above')
  return false
}

/** nginx and HAProxy, for the configurations that the documentation shows. */
function lookForProxies() {
  step('nginx and HAProxy')
  if (run(process.execPath, ['scripts/proxies.mjs']) === undefined) return
  unproven.push({
    name: 'proxies',
    what: 'the configurations of docs/guide/behind-a-proxy.md',
    why: 'nginx or HAProxy is missing: see above',
  })
}

/** For what it makes of our metrics, and what several servers speak through. Without them those tests fail, and say what installs them. */
function lookForServers() {
  step('Prometheus')
  run(process.execPath, ['scripts/prometheus.mjs'])
  step('Redis and NATS')
  run(process.execPath, ['scripts/brokers.mjs'])
}

/** Without it, or where it may not trace, the rest is tested (vitest.config.ts). */
function lookForStrace() {
  step('strace')
  if (run(process.execPath, ['scripts/strace.mjs']) === undefined) return
  unproven.push({
    name: 'network',
    what: 'that nothing calls anybody',
    why: 'strace is missing or may not trace: see above',
  })
}

/** The tests ask the same question (test/contract/runtimes.ts), and leave that runtime out. */
function lookForUws() {
  const why = whyNoUws()
  if (why) unproven.push({ name: 'uws', what: 'the runtime uws, whose place ws has taken', why })
}

/** npm may leave out the install script of `bun` (`ignore-scripts`), and then there is no binary yet. */
function hasBun() {
  step('Bun')
  if (installedBun() !== bunVersion) {
    console.log('Bun is not set up; running its install script')
    run(process.execPath, ['install.js'], { cwd: 'node_modules/bun' })
  }
  const version = installedBun()
  console.log(version ?? 'does not start')
  if (version === bunVersion) return true
  problem(
    `Bun ${bunVersion} does not run: try \`npm rebuild bun\`, or \`npm ci\` with install scripts allowed`,
  )
  return false
}

function installedBun() {
  const { status, stdout } = spawnSync(BUN, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** What is promised is promised on all of them. Most of it is waiting: they run at the same time. */
async function onOtherNodes() {
  const own = Number(process.versions.node.split('.')[0])
  const others = MAJORS.filter((major) => major !== own)
  step(`Contract and conformance on Node ${others.join(', ')}`)
  const runs = others.map(async (major) => {
    const found = bringNode(major)
    const name = `node-${major}`
    if ('why' in found) {
      unproven.push({ name, what: `the contract on Node ${major}`, why: found.why })
      return undefined
    }
    const [log, report] = ['log', 'json'].map((extension) => join(reports, `${name}.${extension}`))
    const output = openSync(log, 'w')
    const args = [VITEST, ...vitestWords(report), '--project', 'all', 'test/contract', 'test/conformance']
    const failure = await ended(
      spawn(found.command, args, {
        stdio: ['ignore', output, output],
        env: vitestEnv('node'),
        timeout: RUN_TIMEOUT,
      }),
    )
    closeSync(output)
    return { title: `Node ${found.version}`, log, report, failure }
  })
  for (const ran of await Promise.all(runs)) {
    if (!ran) continue
    const before = total.passed
    count(ran.title, ran.report, ran.failure)
    console.log(`${ran.title}: ${total.passed - before} passed`)
    if (ran.failure !== undefined) console.log(readFileSync(ran.log, 'utf8'))
  }
}

/** Runs vitest, counts its results, returns how many tests ran. */
function vitest(platform, title, command, args) {
  step(`Tests on ${title}`)
  const report = join(reports, `${platform}.json`)
  const some = vitestArgs.length > 0 ? ['--passWithNoTests', ...vitestArgs] : []
  const failure = run(command, [...args, ...vitestWords(report), ...some], {
    env: vitestEnv(platform),
    timeout: RUN_TIMEOUT,
  })
  return count(title, report, failure)
}

function vitestWords(report) {
  return ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
}

function vitestEnv(platform) {
  return {
    ...process.env,
    SIDEWIRE_PLATFORM: platform,
    // The tests that it is about know that the summary says so.
    SIDEWIRE_UNPROVEN: unproven.map(({ name }) => name).join(' '),
  }
}

/** Adds what a run of vitest reports to the total; returns how many tests ran. */
function count(title, file, failure) {
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    problem(`The run on ${title} wrote no report (${failure ?? 'exit code 0'})`)
    return 0
  }
  const ran = report.numPassedTests + report.numFailedTests
  total.passed += report.numPassedTests
  total.failed += report.numFailedTests
  total.skipped += report.numPendingTests + report.numTodoTests
  // Again at the end, where whoever sees only the end of a long log finds it.
  for (const { name, assertionResults } of report.testResults) {
    for (const { status, fullName, failureMessages } of assertionResults) {
      if (status !== 'failed') continue
      const [message = ''] = failureMessages
      problems.push(
        `${title}: ${relative('.', name)}: ${fullName}\n    ${message.split('\n', 3).join('\n    ')}`,
      )
    }
  }
  // A file that does not load has no tests to count.
  const broken = report.testResults.filter((suite) => suite.status === 'failed' && suite.message !== '')
  for (const suite of broken) problem(`${suite.name} failed on ${title}: ${suite.message.split('\n', 1)[0]}`)
  if (ran === 0 && vitestArgs.length === 0) problem(`No test ran on ${title}`)
  else if (failure !== undefined && report.numFailedTests + broken.length === 0)
    problem(`The run on ${title} failed outside of its tests (${failure})`)
  return ran
}

/** What went wrong, if anything. */
function ended(child) {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (status, signal) =>
      resolve(signal ?? (status === 0 ? undefined : `exit code ${status}`)),
    )
  })
}

/** Runs a command to its end; returns what went wrong, if anything. */
function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    ...options,
  })
  if (error) return error.message
  if (signal) return signal
  return status === 0 ? undefined : `exit code ${status}`
}

function step(title) {
  console.log(`\n── ${title} ${'─'.repeat(Math.max(4, 74 - title.length))}`)
}

/** Whatever keeps a run from being complete counts as one failure. */
function problem(text) {
  problems.push(text)
  total.failed++
}
