import { writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import pc from 'picocolors'
import { exportAsyncApi } from '../asyncapi/export.ts'
import type { Message } from '../asyncapi/api.ts'
import { greetingsOf } from '../asyncapi/greeting.ts'
import { loadAsyncApi, type AsyncApiMock } from '../asyncapi/load.ts'
import type { AsyncApiOptions } from '../asyncapi/options.ts'
import { isEnd } from '../asyncapi/scenario-maker.ts'
import { shortList } from '../asyncapi/short-list.ts'
import type { Talk } from '../asyncapi/talk.ts'
import { shortPath } from '../documents/short-path.ts'
import { textOf } from '../documents/text.ts'
import { SidewireError } from '../engine/errors.ts'
import { findConfig, loadConfig } from './config-file.ts'
import { CONFIG_NAME } from './config-name.ts'
import { say } from './report.ts'

export interface CheckFlags extends Pick<AsyncApiOptions, 'perspective' | 'server'> {
  readonly seed?: string
  readonly strict?: boolean
}

/** `sidewire asyncapi check <file>` */
export function checkAsyncApi(file: string, { strict = false, ...options }: CheckFlags): void {
  const mock = loadAsyncApi(file, options, { limit: Infinity })
  console.log(summary(mock))
  const warnings = mock.notes.filter(({ level }) => level === 'warn')
  for (const { level, text } of mock.notes) if (level === 'info') console.log(text)
  for (const { text } of warnings) console.error(say(text))
  // Whose it is has to be said of each.
  if (mock.notes.length === 1) console.log('nothing is odd in it')
  if (strict && warnings.length > 0) process.exitCode = 1
}

function summary({ title, made }: AsyncApiMock): string {
  const lines = [pc.bold(title)]
  for (const { handler, talk, channels } of made) {
    lines.push(`  ${pc.cyan(handler.pattern)}`)
    for (const [name, { values }] of channels.flatMap(({ parameters }) => [...parameters]))
      if (values) lines.push(`    ${name} is one of ${shortList(values)}`)
    const needed = channels.flatMap(({ query }) => query?.get('required')?.items() ?? [])
    if (needed.length > 0) lines.push(`    its query needs ${needed.map(({ value }) => value).join(', ')}`)
    for (const message of talk.incoming) lines.push(`    gets  ${message.name}, ${answerTo(message, talk)}`)
    const greetings = greetingsOf(talk.pushes)
    for (const message of talk.pushes)
      lines.push(
        `    sends ${message.name}, ${greetings.includes(message) ? 'when a client connects' : 'with push: { every } only'}`,
      )
  }
  return lines.join('\n')
}

function answerTo(message: Message, { replies }: Talk): string {
  const names = replies.get(message)?.map(({ name }) => name) ?? []
  const answer = names.length > 0 ? `answers with ${names.join(' or ')}` : ''
  const end = isEnd(message) ? 'closes' : ''
  return [answer, end].filter((part) => part !== '').join(', and ') || 'no answer'
}

export interface ExportFlags {
  readonly output?: string
  readonly title?: string
  readonly apiVersion: string
  readonly url?: string
  readonly perspective?: 'server' | 'client'
}

/** `sidewire asyncapi export [config]` */
export async function exportToFile(asked: string | undefined, flags: ExportFlags): Promise<void> {
  const path = findConfig(asked, process.cwd())
  if (path === undefined)
    throw new SidewireError(
      'ERR_CONFIG',
      `there is no ${CONFIG_NAME} in ${process.cwd()} whose handlers could be written`,
    )
  const {
    wsHandlers = [],
    endpointPrefix = '/api',
    port = 8787,
    host = 'localhost',
  } = await loadConfig(path, () => {})
  const [prefix = ''] = typeof endpointPrefix === 'string' ? [endpointPrefix] : endpointPrefix
  const { document, notes } = exportAsyncApi(wsHandlers, {
    title: flags.title ?? basename(process.cwd()),
    version: flags.apiVersion,
    url: flags.url ?? `ws://${host}:${port}${prefix}`,
    ...(flags.perspective && { perspective: flags.perspective }),
  })
  for (const { text } of notes) console.error(say(text))
  const { output } = flags
  if (output === undefined) return void process.stdout.write(textOf(document, '.yaml'))
  writeFileSync(output, textOf(document, output))
  const { length } = Object.keys(document['channels'] as object)
  console.log(
    say(`wrote ${shortPath(resolve(output))}, with ${length} ${length === 1 ? 'channel' : 'channels'}`),
  )
}
