import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../../src/index.ts'
import type { AsyncApiOptions } from '../../src/asyncapi/asyncapi.ts'
import { loadAsyncApi } from '../../src/asyncapi/load.ts'
import { createLogger } from '../../src/engine/logger.ts'
import { createTestServer, type TestServer } from '../../src/testing/index.ts'
import { connectWs, type TestClient } from '../support/client.ts'

const DOCUMENTS = fileURLToPath(new URL('documents', import.meta.url))

/** The path of one of the documents, as messages name it. */
export function pathOf(name: string): string {
  return relative(process.cwd(), join(DOCUMENTS, name))
}

/** What loads, with what is said of it; the folder of the documents is left out, which has other slashes elsewhere. */
export function notesOf(name: string, options: AsyncApiOptions = {}): string[] {
  const { notes } = loadAsyncApi(pathOf(name), options)
  return notes.map(({ level, text }) => `${level}: ${text.replaceAll(pathOf(name), name)}`)
}

/** Keeps what is logged. */
export class Log implements Logger {
  readonly lines: string[] = []
  readonly #add = (text: string): void => void this.lines.push(text)
  readonly error: (text: string) => void = this.#add
  readonly warn: (text: string) => void = this.#add
  readonly info: (text: string) => void = this.#add
  readonly debug: (text: string) => void = this.#add
}

const folders: string[] = []
const servers: TestServer[] = []

/** A folder of files, gone after the test. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sidewire-asyncapi-')))
  folders.push(folder)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

export async function endAll(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}

export interface Mock {
  readonly server: TestServer
  readonly log: Log
  connect(path: string): Promise<TestClient>
}

/** A mock of a document, by its path or as an object, on a runtime. */
export async function mockOf(
  runtime: 'uws' | 'ws' | 'bun',
  source: string | object,
  options: AsyncApiOptions = {},
): Promise<Mock> {
  const log = new Log()
  const { handlers } = loadAsyncApi(source, { logger: createLogger('warn', log), ...options })
  const server = await createTestServer({
    runtime,
    clock: 'virtual',
    handlers,
    logger: log,
    logLevel: 'warn',
  })
  servers.push(server)
  return { server, log, connect: (path) => connectWs(server.url(path)) }
}

/** A document of one channel at `/`, whose messages have these payloads and go these ways. */
export function small(
  messages: Readonly<Record<string, object>>,
  operations: Readonly<Record<string, object>>,
  more: object = {},
): object {
  return {
    asyncapi: '3.1.0',
    info: { title: 'Small', version: '1.0.0' },
    channels: { main: { address: '/', messages } },
    operations: Object.fromEntries(
      Object.entries(operations).map(([name, operation]) => [
        name,
        { channel: { $ref: '#/channels/main' }, ...operation },
      ]),
    ),
    ...more,
  }
}

export const ref = (name: string): { $ref: string } => ({ $ref: `#/channels/main/messages/${name}` })

/** A payload whose `type` says what it is. */
export function typed(type: string, properties: object = {}): { payload: object } {
  return {
    payload: { type: 'object', required: ['type'], properties: { type: { const: type }, ...properties } },
  }
}
