import { spawnSync } from 'node:child_process'
import { findPrometheus } from '../../scripts/prometheus.mjs'
import type { Server } from '../../src/index.ts'
import { http, httpOf } from '../inspector/asking.ts'

/** One line of an answer. */
export interface Line {
  readonly name: string
  /** As they stand there, name and all: what tells the series apart. */
  readonly series: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Reads as Prometheus does, as far as the tests need; `promtool` says whether the form is right. */
export function parse(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, series = '', name = '', inside = '', value] = /^((\w+)(?:\{(.*)\})?) (\S+)$/.exec(line) ?? []
      const labels = [...inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text_ = '']) => [
        label,
        text_.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
      ])
      return { name, series, labels: Object.fromEntries(labels), value: Number(value) }
    })
}

/** What `promtool` has to say: nothing, if all is well. */
export function promtool(text: string): string {
  const { status, stdout, stderr } = spawnSync(findPrometheus('promtool'), ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  })
  return status === 0 ? stdout + stderr : `exit code ${status}: ${stdout}${stderr}`
}

export async function scrape(server: Server, path = '/metrics'): Promise<string> {
  const { status, body } = await http(httpOf(server) + path)
  if (status !== 200) throw new Error(`${path} answered ${status}: ${body}`)
  return body
}

/** The sum of all series of a name that have these labels. */
export function sumOf(lines: readonly Line[], name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels)
  const found = lines.filter(
    (line) => line.name === name && wanted.every(([label, value]) => line.labels[label] === value),
  )
  if (found.length === 0) throw new Error(`there is no ${name} with ${JSON.stringify(labels)}`)
  return found.reduce((sum, { value }) => sum + value, 0)
}
