import { isSendableCloseCode } from '../close.ts'
import { didYouMean, nearestName } from '../edit-distance.ts'
import { describe, SidewireError } from '../errors.ts'
import { MAX_TIMER_MS } from '../timers.ts'
import { checkNames, isObject, wrong, type Members } from './option-error.ts'
import { isSpan } from './span.ts'

// What a scenario may be. By hand: of the ten kinds of steps, and of what is in them, an error has to name the one that was meant.

/** What is said of a value that will be sent as it is: throws for what can never be. */
type Sendable = (value: unknown, path: string) => void

const SCENARIO = ['seed', 'key', 'state', 'shared', 'connect', 'disconnect', 'on', 'every', 'otherwise']
const ON = ['when', 'phase', 'goto', 'reply', 'replies', 'after', 'count']
const EVERY = ['every', 'first', 'times', 'to', 'room', 'send', 'phase']
/** What may stand beside each of them. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  send: ['to'],
  wait: [],
  expect: ['within', 'otherwise'],
  set: ['in'],
  goto: [],
  join: [],
  leave: [],
  close: ['reason'],
  drop: [],
  repeat: ['steps'],
}
const STEP = `a function, or one of ${Object.keys(VERBS)
  .map((verb) => `{ ${verb} }`)
  .join(', ')}`
const SPAN = 'milliseconds, or [min, max]'
const TARGET = "'self', 'others', 'all', or { room, includeSelf? }"
const MATCH =
  'text, a number, true or false, an expression, an object that the message has to have in it, or a function'

/** @throws `ERR_OPTION`, naming the place, its value, and what is accepted; what `sendable` throws */
export function checkScenario(scenario: unknown, path: string, sendable: Sendable): void {
  const { seed, key, state, shared, connect, disconnect, on, every, otherwise } = members(
    scenario,
    path,
    SCENARIO,
  )
  if (seed !== undefined && typeof seed !== 'string' && !Number.isFinite(seed))
    wrong(`${path}.seed`, seed, 'a number or a string')
  if (key !== undefined && typeof key !== 'function') wrong(`${path}.key`, key, 'a function')
  checkMemory(state, `${path}.state`)
  checkMemory(shared, `${path}.shared`)
  if (connect !== undefined) checkSteps(connect, `${path}.connect`, sendable)
  if (disconnect !== undefined) {
    checkSteps(disconnect, `${path}.disconnect`, sendable)
    checkFarewell(disconnect, `${path}.disconnect`)
  }
  if (otherwise !== undefined) checkSteps(otherwise, `${path}.otherwise`, sendable)
  for (const [at, each] of list(on, `${path}.on`)) checkOn(each, at, sendable)
  for (const [at, each] of list(every, `${path}.every`)) checkEvery(each, at, sendable)
  const phases = ['start', ...phasesIn(scenario)]
  for (const name of ['on', 'every'] as const)
    for (const [at, each] of list({ on, every }[name], `${path}.${name}`))
      checkReachable((each as Members)['phase'], `${at}.phase`, phases)
}

/** Those that something leads to. */
function phasesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(phasesIn)
  if (!isObject(value)) return []
  const own = isText(value['goto']) ? [value['goto'] as string] : []
  return [...own, ...STEPPED.flatMap((name) => phasesIn(value[name]))]
}

/** Where steps may be. */
const STEPPED = ['connect', 'on', 'otherwise', 'reply', 'replies', 'steps']

/** A phase that nothing leads to is a misspelled one, and what is for it alone would never happen. */
function checkReachable(phase: unknown, path: string, phases: readonly string[]): void {
  for (const each of [phase ?? []].flat() as string[]) {
    if (phases.includes(each)) continue
    throw new SidewireError(
      'ERR_OPTION',
      `option "${path}" is ${describe(each)}, and no goto leads there;${didYouMean(each, phases)} there are ${phases.join(', ')}`,
    )
  }
}

/** The client has gone: nothing can be sent to it, and nothing comes of it. */
function checkFarewell(steps: unknown, path: string): void {
  if (Array.isArray(steps))
    for (const [index, step] of steps.entries()) checkFarewell(step, `${path}[${index}]`)
  if (!isObject(steps)) return
  const verb = Object.keys(steps).find((name) => Object.hasOwn(VERBS, name)) ?? ''
  if (verb === 'repeat') checkFarewell(steps['steps'], `${path}.steps`)
  else if (verb === 'send' && (steps['to'] === undefined || steps['to'] === 'self'))
    wrong(`${path}.to`, steps['to'], "'others', 'all', or { room }: the client has gone")
  else if (verb !== 'send' && verb !== 'set')
    wrong(path, steps, 'a function, { send, to }, { set } or { repeat }: the client has gone')
}

/** What is known of a connection, or of all of them. */
function checkMemory(value: unknown, path: string): void {
  if (value === undefined || typeof value === 'function') return
  if (!isObject(value)) wrong(path, value, 'an object, or a function that makes one')
  try {
    structuredClone(value)
  } catch {
    wrong(path, value, 'an object that can be copied, without functions in it, or a function that makes one')
  }
}

function checkOn(on: unknown, path: string, sendable: Sendable): void {
  const { when, phase, goto, reply, replies, after, count } = members(on, path, ON)
  checkMatch(when, `${path}.when`)
  checkPhases(phase, `${path}.phase`)
  if (goto !== undefined && !isText(goto)) wrong(`${path}.goto`, goto, 'the name of a phase')
  if (reply !== undefined && replies !== undefined)
    wrong(`${path}.replies`, replies, 'left out where there is a reply: that is one for each time')
  if (reply !== undefined) checkSteps(reply, `${path}.reply`, sendable)
  const each = list(replies, `${path}.replies`)
  if (replies !== undefined && each.length === 0)
    wrong(`${path}.replies`, replies, 'a list with at least one of them')
  for (const [at, steps] of each) checkSteps(steps, at, sendable)
  oneOf(after, `${path}.after`, ['last', 'cycle', 'pass'])
  if (after !== undefined && replies === undefined)
    wrong(`${path}.after`, after, 'left out, or there have to be replies')
  oneOf(count, `${path}.count`, ['connection', 'handler'])
}

function checkEvery(entry: unknown, path: string, sendable: Sendable): void {
  const { every, first, times, to, room, send, phase } = members(entry, path, EVERY)
  checkSpan(every, `${path}.every`, 1)
  if (first !== undefined) checkSpan(first, `${path}.first`, 0)
  if (times !== undefined) checkCount(times, `${path}.times`)
  oneOf(to, `${path}.to`, ['self', 'others', 'all'])
  if (room !== undefined && (!isText(room) || to !== 'all'))
    wrong(`${path}.room`, room, "the name of a room, beside to: 'all'")
  if (send === undefined) wrong(`${path}.send`, send, 'a value, or a function that makes one')
  if (typeof send !== 'function') sendable(send, `${path}.send`)
  checkPhases(phase, `${path}.phase`)
  if (phase !== undefined && to === 'all')
    wrong(
      `${path}.phase`,
      phase,
      'left out: a phase is one of a connection, and this is sent to all of them at once',
    )
}

function checkSteps(steps: unknown, path: string, sendable: Sendable): void {
  if (Array.isArray(steps))
    for (const [index, step] of steps.entries()) checkStep(step, `${path}[${index}]`, sendable)
  else checkStep(steps, path, sendable)
}

function checkStep(step: unknown, path: string, sendable: Sendable): void {
  if (typeof step === 'function') return
  if (!isObject(step)) return wrong(path, step, STEP)
  const names = Object.keys(step)
  const [verb, second] = names.filter((name) => Object.hasOwn(VERBS, name))
  if (verb === undefined) {
    const nearest = names
      .map((name) => nearestName(name, Object.keys(VERBS)))
      .find((name) => name !== undefined)
    return wrong(path, step, nearest === undefined ? STEP : `${STEP}; did you mean "${nearest}"?`)
  }
  if (second !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "${path}" has "${verb}" and "${second}", and a step does one thing: make two steps of it, in a list`,
    )
  members(step, path, [verb, ...(VERBS[verb] ?? [])])
  const value = step[verb]
  const at = `${path}.${verb}`
  switch (verb) {
    case 'send':
      if (value === undefined) wrong(at, value, 'a value, or a function that makes one')
      if (typeof value !== 'function') sendable(value, at)
      return checkTarget(step['to'], `${path}.to`)
    case 'wait':
      return checkSpan(value, at, 0)
    case 'expect':
      checkMatch(value, at)
      if (step['within'] !== undefined) checkSpan(step['within'], `${path}.within`, 0, 'milliseconds', false)
      if (step['otherwise'] !== undefined) checkSteps(step['otherwise'], `${path}.otherwise`, sendable)
      return undefined
    case 'set':
      if (!isObject(value) && typeof value !== 'function')
        wrong(at, value, 'an object, or a function that makes one')
      return oneOf(step['in'], `${path}.in`, ['state', 'shared'])
    case 'goto':
      if (!isText(value)) wrong(at, value, 'the name of a phase')
      return undefined
    case 'join':
    case 'leave':
      if (!isText(value) && typeof value !== 'function')
        wrong(at, value, 'a room, or a function that names one')
      return undefined
    case 'close':
      if (typeof value !== 'number' || !isSendableCloseCode(value))
        wrong(at, value, 'a close code that can be sent: 1000-1003, 1007-1014 or 3000-4999')
      if (step['reason'] !== undefined && typeof step['reason'] !== 'string')
        wrong(`${path}.reason`, step['reason'], 'a string')
      return undefined
    case 'drop':
      if (value !== true) wrong(at, value, 'true')
      return undefined
    default:
      return checkRepeat(step, path, sendable)
  }
}

function checkRepeat(step: Members, path: string, sendable: Sendable): void {
  const { repeat, steps } = step
  checkCount(repeat, `${path}.repeat`)
  if (steps === undefined) wrong(`${path}.steps`, steps, 'the steps that are repeated')
  checkSteps(steps, `${path}.steps`, sendable)
  if (repeat === Infinity && !pauses(steps))
    wrong(
      `${path}.repeat`,
      repeat,
      'a number, or there has to be a wait of more than 0, or an expect, in its steps: nothing else would ever happen',
    )
}

/** Whether there is an end to what happens at once. */
function pauses(steps: unknown): boolean {
  if (Array.isArray(steps)) return steps.some(pauses)
  if (!isObject(steps)) return false
  const { wait, expect, repeat } = steps
  if (Array.isArray(wait) ? Number(wait[0]) > 0 : Number(wait) > 0) return true
  return expect !== undefined || (Number(repeat) > 0 && pauses(steps['steps']))
}

function members(value: unknown, path: string, known: readonly string[]): Members {
  if (!isObject(value)) return wrong(path, value, `an object of ${known.join(', ')}`)
  checkNames(value, known, path)
  return value
}

function list(value: unknown, path: string): readonly (readonly [path: string, value: unknown])[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) return wrong(path, value, 'a list')
  return value.map((each: unknown, index) => [`${path}[${index}]`, each])
}

function checkSpan(value: unknown, path: string, min: number, what = SPAN, mayBePair = true): void {
  if (!isSpan(value, min) || (!mayBePair && Array.isArray(value)))
    wrong(path, value, `${what}, from ${min} to ${MAX_TIMER_MS}`)
}

function checkCount(value: unknown, path: string): void {
  if (value !== Infinity && !(Number.isInteger(value) && Number(value) > 0))
    wrong(path, value, 'a whole number from 1, or Infinity')
}

function checkTarget(value: unknown, path: string): void {
  if (value === undefined || value === 'self' || value === 'others' || value === 'all') return
  if (!isObject(value)) return wrong(path, value, TARGET)
  const { room, includeSelf } = members(value, path, ['room', 'includeSelf'])
  if (!isText(room) && typeof room !== 'function')
    wrong(`${path}.room`, room, 'the name of a room, or a function that says it')
  if (includeSelf !== undefined && typeof includeSelf !== 'boolean')
    wrong(`${path}.includeSelf`, includeSelf, 'true or false')
}

function checkMatch(value: unknown, path: string): void {
  if (!['string', 'number', 'boolean', 'function'].includes(typeof value) && !isObject(value))
    wrong(path, value, MATCH)
  if (isObject(value) && hasFunction(value))
    wrong(path, value, `${MATCH}; in an object a function matches nothing`)
}

function hasFunction(value: unknown): boolean {
  if (typeof value === 'function') return true
  return typeof value === 'object' && value !== null && Object.values(value).some(hasFunction)
}

function checkPhases(value: unknown, path: string): void {
  const phases = Array.isArray(value) ? value : [value ?? 'start']
  if (phases.length === 0 || !phases.every(isText))
    wrong(path, value, 'the name of a phase, or a list of them')
}

function oneOf(value: unknown, path: string, names: readonly string[]): void {
  if (value !== undefined && !names.includes(value as string))
    wrong(path, value, `one of ${names.map((name) => `'${name}'`).join(', ')}`)
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}

/** Whether a list waits for a message: in a handler that is `sequential` that one waits for the list. */
export function expects(steps: unknown): boolean {
  if (Array.isArray(steps)) return steps.some(expects)
  return (
    isObject(steps) &&
    (steps['expect'] !== undefined || expects(steps['steps']) || expects(steps['otherwise']))
  )
}
