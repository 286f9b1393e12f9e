import { existsSync } from 'node:fs'
import type { OutputConfiguration } from 'commander'
import { MASK, maskTokens } from '../load/mask.ts'
import { say } from './report.ts'

// What all commands have in common in how they explain themselves.

export function examples(lines: readonly string[]): string {
  return ['', 'Examples:', ...lines.map((line) => `  $ sidewire ${line}`)].join('\n')
}

/** A mistake in one line, which names the help that has the flags of this command. */
export function mistakesOf(command: string): OutputConfiguration {
  return { outputError: (text, write) => write(`${say(oneLine(text, command))}\n`) }
}

/** Commander's own form is a line, and a suggestion in another. */
function oneLine(text: string, command: string): string {
  const [first = '', ...others] = maskTokens(text)
    // The most common mistake is a header without its name: the value alone.
    .replace(/('--header <line>' argument )'[^]*?' (?=is invalid)/, `$1'${MASK}' `)
    .replace(/^error: /, '')
    .trim()
    .split('\n')
  const [, asked = ''] = /^unknown command '(.+)'$/.exec(first) ?? []
  if (existsSync(asked)) others.push(`(Did you mean sidewire serve ${asked}?)`)
  return [first, ...others, `(${command} --help shows what there is)`].join(' ')
}
