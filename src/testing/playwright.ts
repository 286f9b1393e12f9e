import {
  expect as baseExpect,
  test as baseTest,
  type Expect,
  type PlaywrightTestArgs,
  type PlaywrightTestOptions,
  type PlaywrightWorkerArgs,
  type PlaywrightWorkerOptions,
  type TestInfo,
  type TestType,
} from '@playwright/test'
import { describeEntry } from './failure.ts'
import { matchers } from './matchers.ts'
import type { TestServerOptions } from './options.ts'
import { plain } from './plain.ts'
import { createTestServer, type TestServer } from './test-server.ts'

/** What a test gets. */
export interface SidewireFixtures {
  /** The server of this worker, as new. */
  sidewire: TestServer
}

/** What `use` of the configuration takes. */
export interface SidewireOptions {
  /** What the server answers by itself. @defaultValue [] */
  sidewireHandlers: NonNullable<TestServerOptions['handlers']>
  /** The other options of the server. @defaultValue { timeout: 5000 } */
  sidewireOptions: Omit<TestServerOptions, 'handlers'>
}

interface Internals {
  sidewireServer: TestServer
}

/** As long as `expect` of Playwright waits: a page is loaded first. */
const DEFAULT_TIMEOUT = 5000

/** The `test` of Playwright, with a server that the page may connect to: `test('joins', async ({ page, sidewire }) => …)`. */
export const test: TestType<
  PlaywrightTestArgs & PlaywrightTestOptions & SidewireFixtures,
  PlaywrightWorkerArgs & PlaywrightWorkerOptions & SidewireOptions
> = baseTest.extend<SidewireFixtures, SidewireOptions & Internals>({
  sidewireHandlers: [[], { scope: 'worker', option: true }],
  sidewireOptions: [{}, { scope: 'worker', option: true }],
  // One for each worker: its port stays from test to test, and a page may have it built in.
  sidewireServer: [
    async ({ sidewireHandlers: handlers, sidewireOptions }, use) => {
      const server = await createTestServer({ timeout: DEFAULT_TIMEOUT, ...sidewireOptions, handlers })
      try {
        await use(server)
      } finally {
        await server.close()
      }
    },
    { scope: 'worker', box: true },
  ],
  sidewire: async ({ sidewireServer: server }, use, info) => {
    // Before, not behind: the page of the test before is gone only now, and has connected again until then.
    await server.reset()
    await use(server)
    let hasFailed = true
    try {
      server.verify()
      hasFailed = info.status !== info.expectedStatus
    } finally {
      if (hasFailed) await attachJournal(server, info)
    }
  },
})

/** The `expect` of Playwright, with the matchers of the kit. */
export const expect: Expect<typeof matchers> = baseExpect.extend(matchers)

async function attachJournal({ journal }: TestServer, info: TestInfo): Promise<void> {
  const text =
    journal.length > 0 ? journal.map(describeEntry).join('\n') : 'Nothing has happened on this server.'
  await info.attach('sidewire journal', { body: `${text}\n`, contentType: 'text/plain' })
  const json = JSON.stringify(plain(journal), undefined, 2)
  await info.attach('sidewire journal as JSON', { body: json, contentType: 'application/json' })
}
