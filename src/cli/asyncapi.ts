import { writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import pc from 'picocolors'
import { exportAsyncApi } from '../asyncapi/export.ts'
import { loadAsyncApi, type AsyncApiMock } from '../asyncapi/load.ts'
import type { AsyncApiOptions } from '../asyncapi/options.ts'
import { shortPath } from '../documents/short-path.ts'
import { textOf } from '../documents/text.ts'
import { SidewireError } from '../engine/errors.ts'
import { findConfig, loadConfig } from './config-file.ts'
import { CONFIG_NAME } from './config-name.ts'
import { say } from './report.ts'

/** `sidewire asyncapi check <file>` */
export function checkAsyncApi(file: string, flags: Pick<AsyncApiOptions, 'perspective' | 'server'>): void {
  const mock = loadAsyncApi(resolve(file), flags, Infinity)
  console.log(summary(mock))
  const warnings = mock.notes.filter(({ level }) => level === 'warn')
  for (const { level, text } of mock.notes) if (level === 'info') console.log(text)
  for (const { text } of warnings) console.error(say(text))
  if (warnings.length === 0) console.log('nothing is odd in it')
}

function summary({ title, made }: AsyncApiMock): string {
  const lines = [pc.bold(title)]
  for (const { handler, talk } of made) {
    lines.push(`  ${pc.cyan(handler.pattern)}`)
    for (const message of talk.incoming) {
      const replies = talk.replies.get(message)?.map(({ name }) => name) ?? []
      lines.push(
        `    gets  ${message.name}${replies.length > 0 ? `, answers with ${replies.join(' or ')}` : ''}`,
      )
    }
    for (const { name } of talk.pushes) lines.push(`    sends ${name}`)
  }
  return lines.join('\n')
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
