import type { Place } from '../documents/document.ts'
import { compilePattern } from './pattern.ts'
import type { Source } from './source.ts'
import { IN_EVERY, IN_EVERY_FOR_ALL, IN_KEY, IN_STATE, IN_STEPS } from './template.ts'
import { compileValue, refuseTemplates } from './value.ts'

/**
 * The scenario of a file as one of TypeScript: templates become functions, operators conditions. What is no scenario stays as
 * it is, for the engine to refuse.
 */
export function compileScenario(scenario: unknown, place: Place, source: Source): unknown {
  return withMembers(scenario, place, {
    key: (key, at) => {
      const made = compileValue(key, at, IN_KEY, source)
      return typeof made === 'function' ? (req: unknown) => String(made({ conn: { req } })) : made
    },
    state: (state, at) => {
      const made = compileValue(state, at, IN_STATE, source)
      return typeof made === 'function' ? (conn: unknown) => made({ conn }) as unknown : made
    },
    shared: (shared, at) => {
      refuseTemplates(shared, at, 'shared', source)
      return shared
    },
    connect: (steps, at) => stepsOf(steps, at, source),
    otherwise: (steps, at) => stepsOf(steps, at, source),
    on: eachOf((on, at) =>
      withMembers(on, at, {
        when: (when, here) => compilePattern(when, here, source),
        reply: (steps, here) => stepsOf(steps, here, source),
        replies: eachOf((steps, here) => stepsOf(steps, here, source)),
      }),
    ),
    every: eachOf((every, at) =>
      withMembers(every, at, {
        send: (value, here) =>
          compileValue(value, here, isForAll(every) ? IN_EVERY_FOR_ALL : IN_EVERY, source),
      }),
    ),
  })
}

type Compile = (value: unknown, place: Place) => unknown

function stepsOf(steps: unknown, place: Place, source: Source): unknown {
  if (Array.isArray(steps)) return steps.map((step, index) => stepOf(step, [...place, index], source))
  return stepOf(steps, place, source)
}

function stepOf(step: unknown, place: Place, source: Source): unknown {
  const filled: Compile = (value, at) => compileValue(value, at, IN_STEPS, source)
  const steps: Compile = (value, at) => stepsOf(value, at, source)
  return withMembers(step, place, {
    send: filled,
    set: filled,
    join: filled,
    leave: filled,
    to: (to, at) => withMembers(to, at, { room: filled }),
    expect: (wanted, at) => compilePattern(wanted, at, source),
    otherwise: steps,
    // JSON has no other word for it.
    repeat: (times) => (times === 'forever' ? Infinity : times),
    steps,
    reason: (reason, at) => {
      refuseTemplates(reason, at, 'a reason', source)
      return reason
    },
  })
}

function isForAll(every: unknown): boolean {
  return typeof every === 'object' && every !== null && (every as { to?: unknown }).to === 'all'
}

function eachOf(compile: Compile): Compile {
  return (list, place) =>
    Array.isArray(list) ? list.map((each, index) => compile(each, [...place, index])) : list
}

function withMembers(value: unknown, place: Place, compile: Readonly<Record<string, Compile>>): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      Object.hasOwn(compile, key) ? compile[key]?.(member, [...place, key]) : member,
    ]),
  )
}
