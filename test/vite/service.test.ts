import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { universalApi } from '../../src/index.ts'
import { connectWs } from '../support/client.ts'
import { dev, preview, project, VITES, write } from './rig.ts'

/** What handler files write down: they run in this process. */
const told: string[] = []
Object.assign(globalThis, { sidewireTold: told })

/** A file whose timer publishes, counts, and hands its count over. */
const clock = (version: number): string => `
  import { step } from './lib/step.js'
  let timer, ticks = 0
  export default {
    pattern: '/ws/clock',
    onStart(service, handedOver = 0) {
      globalThis.sidewireTold.push('clock ${version} start')
      ticks = handedOver
      timer = setInterval(() => {
        ticks += step
        globalThis.sidewireTold.push('tick ${version}')
        service.publish({ version: ${version}, ticks })
      }, 2)
    },
    onStop(service, { reason }) {
      globalThis.sidewireTold.push('clock ${version} ' + reason)
      clearInterval(timer)
      return ticks
    },
  }`
const still = `export default {
  pattern: '/ws/still',
  onStart: () => void globalThis.sidewireTold.push('still start'),
  onStop: (_service, { reason }) => void globalThis.sidewireTold.push('still ' + reason),
}`

/** Without the ticks. */
function hooks(): string[] {
  return told.filter((line) => !line.startsWith('tick'))
}

describe.each(VITES)('$name', ({ load }) => {
  test('a handler file ends its timer at a reload, and hands over; files that have not changed stay in service', async () => {
    told.length = 0
    const root = project({
      'mocks/clock.ws.js': clock(1),
      'mocks/still.ws.js': still,
      'mocks/lib/step.js': 'export const step = 1',
    })
    const inline = {
      pattern: '/ws/inline',
      onStart: () => void told.push('inline start'),
      onStop: () => void told.push('inline stop'),
    }
    const plugin = universalApi({ wsDir: 'mocks', wsHandlers: [inline] })
    const { server, url } = await dev(await load(), { root, plugins: [plugin] })
    expect(hooks()).toEqual(['inline start', 'clock 1 start', 'still start'])
    const client = await connectWs(`${url}/api/ws/clock`)
    let { version, ticks } = await client.next()
    /** Takes what comes until a version has ticked so often, in steps of so many. */
    const follow = async (wanted: number, times: number, step: number): Promise<void> => {
      for (let seen = 0; seen < times;) {
        const next = await client.next()
        // In order and without a gap; and what was handed over goes on.
        if (next.version === version) expect(next.ticks - ticks).toBe(step)
        else expect([version, next.version, next.ticks - ticks]).toEqual([version, wanted, step])
        ;({ version, ticks } = next)
        if (version === wanted) seen++
      }
    }
    await follow(1, 3, 1)
    write(root, 'mocks/clock.ws.js', clock(2))
    await expect.poll(hooks).toContain('clock 2 start')
    const old = told.filter((line) => line === 'tick 1').length
    await follow(2, 20, 1)
    expect(told.filter((line) => line === 'tick 1').length).toBe(old)
    // What it imports makes it another one, too.
    told.length = 0
    write(root, 'mocks/lib/step.js', 'export const step = 100')
    await expect.poll(hooks).toEqual(['clock 2 replaced', 'clock 2 start'])
    while (!((await client.next()).ticks >= 100));
    // An error keeps the last good version, in service.
    told.length = 0
    write(root, 'mocks/clock.ws.js', 'export default {')
    write(root, 'mocks/new.ws.js', still.replaceAll('still', 'new'))
    await expect.poll(hooks).toEqual(['new start'])
    rmSync(join(root, 'mocks/new.ws.js'))
    await expect.poll(hooks).toEqual(['new start', 'new removed'])
    rmSync(join(root, 'mocks/clock.ws.js'))
    expect((await client.closed).code).toBe(1001)
    await expect.poll(hooks).toEqual(['new start', 'new removed', 'clock 2 removed'])
    told.length = 0
    await server.close()
    expect(told).toEqual(['inline stop', 'still closed'])
  })

  test('a restart of Vite closes one server and opens another', async () => {
    told.length = 0
    const root = project({ 'mocks/clock.ws.js': clock(1), 'mocks/lib/step.js': 'export const step = 1' })
    const { server } = await dev(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' })] })
    await server.restart()
    await expect.poll(hooks).toEqual(['clock 1 start', 'clock 1 closed', 'clock 1 start'])
    await server.close()
    expect(hooks().at(-1)).toBe('clock 1 closed')
  })

  test('a preview has them as well', async () => {
    told.length = 0
    const root = project({ 'mocks/still.ws.js': still })
    const { server } = await preview(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' })] })
    expect(told).toEqual(['still start'])
    await server.close()
    expect(told).toEqual(['still start', 'still closed'])
  })
})
