import type { Place } from '../documents/document.ts'
import { compilePattern } from './pattern.ts'
import type { Source } from './source.ts'
import {
  IN_DISCONNECT,
  IN_EVERY,
  IN_EVERY_FOR_ALL,
  IN_KEY,
  IN_STATE,
  IN_STEPS,
  type Scope,
} from './template.ts'
import { compileValue, refuseTemplates } from './value.ts'

/**
 * The scenario of a file as one of TypeScript: templates become functions, operators conditions. What is no scenario stays as
 * it is, for the engine to refuse.
 */
export function compileScenario(scenario: unknown, place: Place, source: Source): unknown {
  const inside: Compile = (steps, at) => stepsOf(steps, at, IN_STEPS, source)
  const withMembers = membersOf(source)
  return withMembers(scenario, place, {
    key: (key, at) => {
      const made = compileValue(key, at, IN_KEY, source)
      return typeof made === 'function' ? (req: unknown) => String(made({ conn: { req } })) : made
    },
    state: (state, at) => {
      const made = compileValue(state, at, IN_STATE, source)
      return typeof made === 'function' ? (conn: unknown) => made({ conn }) as unknown : made
    },
    connect: inside,
    disconnect: (steps, at) => stepsOf(steps, at, IN_DISCONNECT, source),
    otherwise: inside,
    on: eachOf((on, at) =>
      withMembers(on, at, {
        when: (when, here) => compilePattern(when, here, source),
        reply: inside,
        replies: eachOf(inside),
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

function stepsOf(steps: unknown, place: Place, scope: Scope, source: Source): unknown {
  if (Array.isArray(steps)) return steps.map((step, index) => stepOf(step, [...place, index], scope, source))
  return stepOf(steps, place, scope, source)
}

function stepOf(step: unknown, place: Place, scope: Scope, source: Source): unknown {
  const filled: Compile = (value, at) => compileValue(value, at, scope, source)
  const named: Compile = (value, at) => compileName(value, at, scope, source)
  const inside: Compile = (value, at) => stepsOf(value, at, scope, source)
  const withMembers = membersOf(source)
  return withMembers(step, place, {
    send: filled,
    set: filled,
    join: named,
    leave: named,
    to: (to, at) => withMembers(to, at, { room: named }),
    expect: (wanted, at) => compilePattern(wanted, at, source),
    otherwise: inside,
    // JSON has no other word for it.
    repeat: (times) => (times === 'forever' ? Infinity : times),
    steps: inside,
  })
}

/** A room, whose name may be filled in: a number is taken for a name, nothing is not. */
function compileName(value: unknown, place: Place, scope: Scope, source: Source): unknown {
  const made = compileValue(value, place, scope, source)
  if (typeof made !== 'function') return made
  const wrong = source.error(
    'ERR_SCENARIO',
    place,
    `${JSON.stringify(value)} came to no name of a room; what may be missing has ?? behind it: {{query.room ?? "lobby"}}`,
  )
  return (moment: unknown) => {
    const name: unknown = made(moment)
    if (typeof name === 'number') return String(name)
    if (typeof name !== 'string' || name === '') throw wrong
    return name
  }
}

function isForAll(every: unknown): boolean {
  return typeof every === 'object' && every !== null && (every as { to?: unknown }).to === 'all'
}

function eachOf(compile: Compile): Compile {
  return (list, place) =>
    Array.isArray(list) ? list.map((each, index) => compile(each, [...place, index])) : list
}

/** Compiles some members of an object; in all others nothing is filled in. */
function membersOf(source: Source) {
  return (value: unknown, place: Place, compile: Readonly<Record<string, Compile>>): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => {
        const at = [...place, key]
        if (Object.hasOwn(compile, key)) return [key, compile[key]?.(member, at)]
        refuseTemplates(member, at, key, source)
        return [key, member]
      }),
    )
  }
}
