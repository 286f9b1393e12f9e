import type { Answer } from '../wire/answer.ts'
import { shown } from './mask.ts'

const MAX_CHARACTERS = 200
/** What a terminal acts on instead of showing it, and what changes the order of the text around it. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

// An answer that refuses a handshake. Why is often not in its status, but in its body.

/** A sentence with the status. */
export function whyRefused(answer: Answer): string {
  return `the server answered ${statusOf(answer)}`
}

/** The first line of the body that has words, as it may be shown; '' if there is none, or a page. */
export function saidOf(answer: Answer): string {
  if (!isReadable(answer)) return ''
  const lines = shown(linesOf(answer).join('\n')).split('\n')
  const line = visible(lines.find(isSentence)?.trim() ?? '')
  if (line.startsWith('<') || statusOf(answer).includes(line)) return ''
  const characters = Array.from(line)
  return characters.length > MAX_CHARACTERS ? `${characters.slice(0, MAX_CHARACTERS - 1).join('')}…` : line
}

/** There is nothing to wait for. */
export function hasSaidIt(answer: Answer): boolean {
  return !isReadable(answer) || linesOf(answer).some(isSentence)
}

function statusOf(answer: Answer): string {
  return visible(shown(answer.statusLine))
}

function isReadable(answer: Answer): boolean {
  return answer.headers['content-encoding'] === undefined
}

/** The lines that are here to their ends: a part of one may be a part of a secret, which nobody would know to mask. */
function linesOf(answer: Answer): string[] {
  const lines = answer.body.toString().split(/\r\n|[\r\n]/)
  return answer.isWhole ? lines : lines.slice(0, -1)
}

/** Not the brace that JSON over several lines begins with. */
function isSentence(line: string): boolean {
  return /[\p{L}\p{N}]/u.test(line)
}

function visible(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
