import { expect, it } from 'vitest'
import { decode, encode, type ToAgent } from '../../../src/load/agents/messages.ts'
import { Aggregate } from '../../../src/load/aggregate.ts'
import { LatencyHistogram } from '../../../src/load/histogram.ts'
import { Recorder } from '../../../src/load/recorder.ts'

it('histograms of three agents are that of one recorder that was given the same values', () => {
  const recorders = [new Recorder(), new Recorder(), new Recorder()]
  const one = new LatencyHistogram()
  for (const recorder of recorders) recorder.measureFrom = 0
  for (let i = 0; i < 3000; i++) {
    const ms = ((i * 7919) % 1009) + i / 1000
    recorders[i % 3]!.latency(i, ms)
    one.record(ms)
  }
  const merged = new Aggregate(0)
  for (const recorder of recorders) merged.addSnapshot(recorder.snapshot())
  expect(merged.latency.count).toBe(3000)
  expect(merged.latency.summary()).toEqual(one.summary())
  expect(merged.latency.encode()).toBe(one.encode())
})

it('bytes of a recording, and the number behind the last interval, come over the wire as they are', () => {
  const payload = new Uint8Array([0, 255, 1])
  const message = { type: 'prepare', options: { speed: Infinity, playbacks: [{ steps: [{ payload }] }] } }
  const read = decode(encode(message as unknown as ToAgent)) as typeof message
  expect(read.options.speed).toBe(Infinity)
  expect([...read.options.playbacks[0]!.steps[0]!.payload]).toEqual([0, 255, 1])
  const buffer = decode(encode({ payload: Buffer.from('hé') } as unknown as ToAgent)) as { payload: Buffer }
  expect(buffer.payload.toString()).toBe('hé')
})
