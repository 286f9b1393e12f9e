import { encodeFrame } from '../support/raw-client.ts'
import {
  ask,
  close,
  frame,
  type Case,
  type Expected,
  type Group,
  type SentFrame,
  type Step,
} from './notation.ts'
import { WireClient, type Seen } from './wire-client.ts'

/** A case in which nothing is sent for longer has failed. None waits for it that does not. */
const DEADLINE_MS = 30_000
/** Vite's server reads and writes, then the sidecar reads. */
const TURNS_THROUGH_VITE = 8
const PROBE = 'are you there?'

/**
 * Plays a case, and writes down what came back. The anticipated outcome only says how it ends: by the server, or
 * with the proof that nothing more comes, a ping and a close frame that are answered.
 */
export async function runCase(
  port: number,
  group: Group,
  [, , send]: Case,
  anticipated: readonly (Expected | SentFrame)[],
): Promise<readonly Seen[]> {
  const client = new WireClient(port)
  const timer = setTimeout(() => client.giveUp(), DEADLINE_MS)
  try {
    if (group.handshake) {
      await client.write(ask(group.handshake.headers, group.handshake.path).bytes)
      await client.until(() => client.seen.length > 0)
      const [first] = client.seen
      if (first?.kind !== 'response' || first.status !== 101) return client.seen
      client.seen.shift()
    }
    for (const step of send) await take(client, step, () => timer.refresh())
    timer.refresh()
    await finish(client, anticipated.at(-1), send.some(isClose))
    return client.seen
  } finally {
    clearTimeout(timer)
    client.destroy()
  }
}

/** Whether the server ends the connection behind this. */
export function isEnd(expected: Expected | SentFrame | undefined): boolean {
  if (expected === undefined) return false
  if (expected.kind === 'response') return !expected.statuses.includes(101)
  return expected.kind !== 'frame'
}

async function finish(
  client: WireClient,
  final: Expected | SentFrame | undefined,
  hasClosed: boolean,
): Promise<void> {
  if (!isEnd(final)) return probe(client)
  if (final?.kind === 'response')
    await client.until(() => client.seen.some(({ kind }) => kind === 'response'))
  if (final?.kind === 'response' || final?.kind === 'unanswered') {
    client.end()
    await client.until(() => false)
  } else await awaitEnd(client, hasClosed)
}

/** A segment at a time takes as long as the machine lets it: `onSent` is called for each. */
async function take(client: WireClient, step: Step, onSent: () => void): Promise<void> {
  if (step.kind === 'heard') {
    await client.until(() => client.seen.length >= step.count)
  } else if (step.kind === 'chopped') {
    const bytes = Buffer.concat(step.steps.map((inner) => encode(client, inner)))
    for (let at = 0; at < bytes.length && !client.ended; at += step.size) {
      await client.write(bytes.subarray(at, at + step.size))
      onSent()
    }
  } else if (step.kind === 'deflated' && step.fragment !== Infinity) {
    for (const part of deflated(client, step)) {
      await client.write(part)
      onSent()
    }
  } else {
    await client.write(encode(client, step), TURNS_THROUGH_VITE)
    onSent()
  }
}

function encode(client: WireClient, step: Step): Buffer {
  switch (step.kind) {
    case 'bytes':
      return step.bytes
    case 'frame': {
      const { opcode, payload, mask, kind: _, ...options } = step
      return encodeFrame(opcode, payload, {
        ...options,
        ...(mask === undefined ? { masked: false } : { mask }),
      })
    }
    case 'deflated':
      return Buffer.concat(deflated(client, step))
    case 'together':
      return Buffer.concat(step.steps.map((inner) => encode(client, inner)))
    case 'chopped':
    case 'heard':
  }
  throw new Error(`"${step.kind}" cannot stand inside of another step`)
}

/** The frames of a compressed message; of a plain one, where nothing was agreed on. */
function deflated(client: WireClient, step: Step & { kind: 'deflated' }): Buffer[] {
  const content = Buffer.from(step.payload)
  const bytes = client.codec ? client.codec.compress(content, step.options) : content
  const rsv = client.codec ? 4 : 0
  const frames: Buffer[] = []
  let at = 0
  do {
    const part = bytes.subarray(at, at + step.fragment)
    at += step.fragment
    frames.push(
      encode(
        client,
        frame(frames.length === 0 ? step.opcode : 0, part, {
          fin: at >= bytes.length,
          rsv: frames.length === 0 ? rsv : 0,
        }),
      ),
    )
  } while (at < bytes.length)
  return frames
}

function isClose(step: Step): boolean {
  if (step.kind === 'frame') return step.opcode === 8
  return (step.kind === 'together' || step.kind === 'chopped') && step.steps.some(isClose)
}

async function awaitEnd(client: WireClient, hasClosed: boolean): Promise<void> {
  await client.until(() => client.seen.some(({ kind }) => kind === 'close'))
  const closed = client.seen.find((event) => event.kind === 'close')
  // RFC 6455 5.5.1: who gets a close frame, and has not sent one, answers.
  if (closed && !hasClosed && !client.ended)
    await client.write(encode(client, closed.code === 1005 ? close() : close(closed.code)))
  await client.until(() => false)
}

async function probe(client: WireClient): Promise<void> {
  const isAnswer = (event: Seen): boolean =>
    event.kind === 'frame' && event.opcode === 10 && event.payload.toString() === PROBE
  await client.write(encode(client, frame(9, PROBE)))
  await client.until(() => client.seen.some((event) => isAnswer(event) || event.kind === 'close'))
  const answer = client.seen.findIndex(isAnswer)
  if (answer === -1) return awaitEnd(client, false)
  await client.write(encode(client, close(1000)))
  await client.until(() => false)
  const tail = client.seen.slice(answer)
  const [, closed, end] = tail
  if (tail.length === 3 && closed?.kind === 'close' && closed.code === 1000 && end?.kind === 'end')
    client.seen.splice(answer, 3, { kind: 'alive' })
}
