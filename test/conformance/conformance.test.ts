import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { GROUPS } from './cases.ts'
import { report, reportTable } from './report.ts'
import { start, WAYS, type Started } from './servers.ts'
import { startStraight } from './straight.ts'
import { CASES, runCases } from './suite.ts'
import { tabsHideUpgrades } from './tabs.ts'
import { uwsHttp } from './uws-http.ts'
import { covers, type Result } from './verdict.ts'

assertPlatform()
reportTable()

/** The cases run before the tests, side by side; the tests look at what came out. */
const RUN_TIMEOUT_MS = 120_000

const problemsOf = (results: readonly Result[]): string[] => results.flatMap(({ problem }) => problem ?? [])

for (const runtime of NETWORK_RUNTIMES) {
  const { capabilities } = await loadRuntime(runtime)
  for (const way of WAYS) {
    describe(`conformance of ${runtime}, ${way === 'vite' ? 'through the Vite dev server' : 'direct'}`, () => {
      const place = { runtime, way, capabilities, tabsHideUpgrades, uwsHttp }
      let server: Started
      let results: Result[]
      beforeAll(async () => {
        server = await start(runtime, way)
        results = await runCases(server.port, place)
        report(`${runtime}-${way}`, { description: server.description, results })
      }, RUN_TIMEOUT_MS)
      afterAll(() => server.close())

      test.each(GROUPS)('group $id: $title', ({ id, cases }) => {
        const ofGroup = results.filter((result) => covers(id, result.id))
        expect(problemsOf(ofGroup)).toEqual([])
        expect(ofGroup).toHaveLength(cases.length)
      })

      // The way through Vite adds nothing to what the parser does, and takes nothing away.
      if (way === 'vite') return
      test(
        'what is native comes out the same without a line of ours',
        { timeout: RUN_TIMEOUT_MS },
        async () => {
          const native = new Set(results.filter(({ verdict }) => verdict === 'native').map(({ id }) => id))
          const straight = await startStraight(runtime)
          try {
            const cases = CASES.filter(({ theCase: [id] }) => native.has(id))
            const again = await runCases(straight.port, place, cases)
            expect(problemsOf(again)).toEqual([])
            report(`${runtime}-straight`, { cases: again.map(({ id }) => id) })
          } finally {
            await straight.close()
          }
        },
      )
    })
  }
}
