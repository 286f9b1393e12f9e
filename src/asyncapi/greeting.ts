import type { Message } from './api.ts'

const NAME =
  /(?:^|[a-z\d_./-])(?:hello|welcome|greeting|connected|ready|session[ _-]?(?:begins|began|started|created|opened))$/i
const TEXT = /\b(?:on|upon|after|once|when)\b[^.]{0,20}\bconnect/i

/** Whether a message is what a server begins with, by one of its names. */
export function isGreeting({ names }: Message): boolean {
  return names.some((name) => NAME.test(name))
}

/**
 * What a client gets when it connects: what is called a greeting, or else is said to come then, or else the first of all. The others
 * come when something happens, and in a mock nothing does by itself.
 * @param messages - those that are no replies
 */
export function greetingsOf(messages: readonly Message[]): readonly Message[] {
  const called = messages.filter(isGreeting)
  if (called.length > 0) return called
  const said = messages.filter(({ text }) => TEXT.test(text))
  return said.length > 0 ? said : messages.slice(0, 1)
}
