// One entry of a scenario, measured once: a fresh server, a generator against it, and the figures of both.
import { generate, pollDuring, Server } from './processes.mjs'

const CPU_EVERY_MS = 100
/** A collection takes some 50 ms with 10,000 connections. */
const MEMORY_EVERY_MS = 500
/** So that at least two collections are in it. */
const IDLE_SECONDS = 1.5

/** The figures by name, rounded; throws if anything went wrong. */
export async function measure(entry, { load, seconds, warmup }) {
  const server = await Server.start(entry)
  try {
    const url = `ws://127.0.0.1:${server.ports[entry.port ?? 0]}${entry.path}`
    const figures =
      load.scenario === 'idle'
        ? await memoryOf(server, url, { ...entry, load, seconds: IDLE_SECONDS, warmup: 0 })
        : await throughputOf(server, url, { ...entry, load, seconds, warmup })
    if (server.hasEnded) throw new Error('the server ended')
    return figures
  } finally {
    await server.stop()
  }
}

async function throughputOf(server, url, options) {
  const [report, samples] = await pollDuring(
    () => server.cpu(),
    CPU_EVERY_MS,
    () => generate(url, options),
  )
  const { perSecond } = report.handshakes ?? report.messages
  if (perSecond === 0) throw new Error('nothing came back while it was measured')
  const serverCpu = cpuShare(samples, report)
  return {
    perSecond: Math.round(perSecond),
    /** Of the server's CPU time. */
    perCpuSecond: Math.round(perSecond / serverCpu),
    p50: round(report.latency?.p50),
    p99: round(report.latency?.p99),
    /** Of one core. */
    serverCpu: round(serverCpu),
    generatorBusy: round(report.generator.utilization),
  }
}

/**
 * The server's CPU seconds a second, between the first and the last sample that lie in the measured time: before and
 * after it there is no load.
 */
function cpuShare(samples, report) {
  const [first, last] = ends(samples, report)
  if (first === last || first.cpu === last.cpu)
    throw new Error('too little of the CPU time of the server was seen; take more --seconds')
  return (last.cpu - first.cpu) / ((last.at - first.at) / 1000)
}

function ends(samples, { measuredFrom, measuredUntil }) {
  const [from, until] = [Date.parse(measuredFrom), Date.parse(measuredUntil)]
  const measured = samples.filter(({ at }) => at >= from && at <= until)
  return [measured[0], measured.at(-1)]
}

async function memoryOf(server, url, options) {
  // The first collection settles what starting has left.
  await server.ask('memory')
  const before = await server.ask('memory')
  const [report, samples] = await pollDuring(
    () => server.ask('memory'),
    MEMORY_EVERY_MS,
    () => generate(url, options),
  )
  const [, after] = ends(samples, report)
  if (after === undefined) throw new Error('the server did not say how much memory it held')
  const perConnection = (key) => Math.round((after[key] - before[key]) / options.load.connections)
  return { held: perConnection('held'), rss: perConnection('rss') }
}

function round(value) {
  return value === undefined ? null : Number(value.toPrecision(4))
}
