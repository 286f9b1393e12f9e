import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { encodeFrame, type Frame } from '../support/raw-client.ts'
import {
  cuts,
  encodeHandshake,
  encodeMessage,
  encodeWild,
  mutate,
  mutations,
  validMessage,
  wildFrames,
  wildHandshake,
} from './arbitraries.ts'
import { count, fuzz, FUZZ_TIMEOUT_MS } from './fuzz.ts'
import { split, type Peer } from './peer.ts'
import { read, type Reading } from './reference.ts'
import { isSendable, MAX_PAYLOAD, Target, type Seen } from './target.ts'

assertPlatform()

/** The least that a server sets natively, with its headroom: see src/server/server.ts. */
const MAX_FRAME = 17 * 1024 * 1024

for (const name of NETWORK_RUNTIMES) {
  describe(`bytes on ${name}`, () => {
    let target: Target
    beforeAll(async () => {
      target = await Target.start(name)
    })
    afterAll(() => target.end())

    it('valid messages are the same however they are cut', { timeout: FUZZ_TIMEOUT_MS }, async () => {
      const messages = fc.array(validMessage, { minLength: 1, maxLength: 6 })
      await fuzz(
        `valid messages on ${name}`,
        fc.asyncProperty(messages, cuts, fc.boolean(), (sent, at, deflate) =>
          target.run(async () => {
            const { peer, seen } = await target.connect(
              deflate ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {},
            )
            await peer.writeChunks(split(Buffer.concat(sent.map(encodeMessage)), at))
            const controls = sent.flatMap(({ cuts: { length }, between }) => repeat(between, length + 1))
            const pings = controls.filter(({ opcode }) => opcode === 9).map(({ payload }) => payload)
            await peer.until(
              () => peer.frames.length >= sent.length + pings.length,
              `${sent.length} echoes and ${pings.length} pongs`,
            )
            expect(seen.messages.map(String)).toEqual(sent.map(({ payload }) => String(payload)))
            expect(peer.frames.filter(({ opcode }) => opcode === 10).map(hex)).toEqual(pings.map(hexOf))
            expect(peer.texts).toEqual(sent.map(({ payload }) => String(payload)))
            expect(seen.pings.map(hexOf)).toEqual(pings.map(hexOf))
            peer.tcp.write(encodeFrame(8, Buffer.from([0x0f, 0xa0])))
            await peer.untilEnded('after a close frame')
            expect(peer.closeCode).toBe(4000)
            expect(await target.untilClosed(seen)).toBe(4000)
          }),
        ),
      )
    })

    it('wild frames end their connection, or leave it usable', { timeout: FUZZ_TIMEOUT_MS }, async () => {
      await fuzz(
        `wild frames on ${name}`,
        fc.asyncProperty(wildFrames, mutations, cuts, fc.boolean(), (frames, changes, at, deflate) =>
          target.run(async () => {
            const bytes = mutate(Buffer.concat(frames.map(encodeWild)), changes)
            const headers = deflate ? { 'Sec-WebSocket-Extensions': 'permessage-deflate' } : {}
            const whole = await target.connect(headers)
            const cut = await target.connect(headers)
            await whole.peer.writeChunks([bytes])
            const chunks = split(bytes, at)
            await cut.peer.writeChunks(chunks)
            const reading = read(bytes, { deflate, maxPayload: MAX_PAYLOAD, maxFrame: MAX_FRAME })
            count(reading.state)
            for (const { peer } of [whole, cut]) await settle(peer, reading)
            const codes = [await finish(whole.peer, whole.seen), await finish(cut.peer, cut.seen)]
            count(`${codes[0]}`)
            const isSplit = name === 'uws' && splitsCompressedHead(chunks, reading)
            for (const { seen } of isSplit ? [whole] : [whole, cut])
              expect(seen.messages.slice(0, reading.messages.length).map(hexOf)).toEqual(
                reading.messages.map(hexOf),
              )
            if (reading.state === 'garbled' || isSplit) return
            expect(cut.seen.messages.map(hexOf)).toEqual(whole.seen.messages.map(hexOf))
            expect(codes[1]).toBe(codes[0])
            if (reading.state !== 'unsure') expect(whole.seen.messages).toHaveLength(reading.messages.length)
            if (reading.code !== undefined) expect(codes[0]).toBe(reading.code)
          }),
        ),
      )
    })

    /** What has to happen before the client ends its side. */
    async function settle(peer: Peer, { state, messages }: Reading): Promise<void> {
      if (state === 'closed' || state === 'failed') await peer.untilEnded(`though its frames were ${state}`)
      if (state !== 'open') return
      const marker = Buffer.from(`marker ${messages.length}`)
      peer.tcp.write(encodeFrame(9, marker))
      const isMarker = ({ opcode, payload }: Frame): boolean => opcode === 10 && payload.equals(marker)
      await peer.until(() => peer.frames.some(isMarker), 'pong')
      expect(peer.frames.some(isMarker), 'a pong').toBe(true)
    }

    async function finish(peer: Peer, seen: Seen): Promise<number> {
      // Whatever the server still waits for does not come.
      peer.tcp.end()
      await peer.untilEnded('after the last of its bytes')
      const code = await target.untilClosed(seen)
      expect(seen.closes).toHaveLength(1)
      if (peer.closeCode !== undefined && peer.closeCode !== 1005)
        expect(isSendable(peer.closeCode), `close code ${peer.closeCode} on the wire`).toBe(true)
      return code
    }

    it('wild handshakes get an answer, or an end', { timeout: FUZZ_TIMEOUT_MS }, async () => {
      await fuzz(
        `wild handshakes on ${name}`,
        fc.asyncProperty(wildHandshake, mutations, cuts, fc.boolean(), (handshake, changes, at, reset) =>
          target.run(async () => {
            const bytes = mutate(encodeHandshake(handshake), changes)
            const peer = target.peer()
            await peer.writeChunks(split(bytes, at))
            if (reset) peer.vanish(true)
            else peer.tcp.end()
            await peer.untilEnded('after a handshake')
            count(`${peer.status ?? 'end'}`)
            if (peer.head.length > 0)
              expect(peer.head.toString('latin1')).toMatch(/^HTTP\/1\.[01] [1-5]\d\d[ \r]/)
          }),
        ),
      )
    })
  })
}

/** Where uWebSockets.js ends the connection: SPLIT_HEAD in test/conformance/exceptions.ts. */
function splitsCompressedHead(chunks: readonly Buffer[], { compressedHeads }: Reading): boolean {
  let place = 0
  return chunks.some(({ length }) => {
    place += length
    return compressedHeads.some(({ start, end }) => place >= start + 6 && place < end)
  })
}

function repeat<T>(list: readonly T[], times: number): T[] {
  return Array.from({ length: times }, () => list).flat()
}

const hexOf = (bytes: Buffer | string): string => Buffer.from(bytes).toString('hex')
const hex = ({ payload }: { payload: Buffer }): string => payload.toString('hex')
