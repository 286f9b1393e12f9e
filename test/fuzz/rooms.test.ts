import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { commands, places } from './commands.ts'
import { fuzz, FUZZ_TIMEOUT_MS } from './fuzz.ts'
import { Worlds, type World } from './world.ts'

assertPlatform()

for (const name of NETWORK_RUNTIMES) {
  describe(`rooms on ${name}`, () => {
    let worlds: Worlds
    beforeAll(async () => {
      worlds = await Worlds.start(name)
    })
    afterAll(() => worlds.end())

    it('every client gets what the model says, and nothing else', { timeout: FUZZ_TIMEOUT_MS }, async () => {
      await fuzz(
        `rooms on ${name}`,
        fc.asyncProperty(places, commands, async (first, sequence) => {
          const world = await worlds.create()
          try {
            for (const place of first) world.connect(place, place === 'y')
            await fc.asyncModelRun(() => ({ model: { clients: first.length }, real: world }), sequence)
            await world.check()
            await world.end()
          } catch (error) {
            throw explained(error, world)
          } finally {
            await world.abandon()
          }
        }),
      )
    })
  })
}

/** The commands say what clients did; the log says what the server made of it. */
function explained(error: unknown, world: World): Error {
  const { message } = error as Error
  return new Error(`${message}\nWhat the server did:\n${world.log}`, { cause: error })
}
