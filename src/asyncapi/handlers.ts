import type { HandlerDocs, UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { inWordsWithout } from '../engine/schema/invalid-error.ts'
import type { Logger } from '../engine/logger.ts'
import type { SchemaIssue, SchemaResult, StandardSchema } from '../engine/schema/standard-schema.ts'
import type { Api, Channel } from './api.ts'
import { Classifier } from './classifier.ts'
import { asyncApiError } from './error.ts'
import { onceASecond } from './once-a-second.ts'
import type { Node } from './node.ts'
import type { Settings } from './options.ts'
import { parameterName, type Group } from './patterns.ts'
import type { Side } from './perspective.ts'
import type { Samples } from './samples.ts'
import { ScenarioMaker, together } from './scenario-maker.ts'
import { talkOf, type Talk } from './talk.ts'
import type { Validation } from './validation.ts'

/** What handlers are made with. */
export interface Workshop {
  readonly api: Api
  readonly side: Side
  readonly settings: Settings
  readonly validation: Validation
  readonly samples: Samples
  /** For what is said while it serves, where there is nobody to read notes. */
  readonly logger: Logger
}

/** Of one message: the others follow from it, mostly. */
const MAX_ISSUES = 2

/** A handler and what is said on it. */
export interface Made {
  readonly handler: UniversalApiWsHandler
  readonly talk: Talk
  readonly channels: readonly Channel[]
  readonly channelIds: readonly string[]
}

/** The handler of some channels at one pattern. */
export function makeHandler({ pattern, channels }: Group, workshop: Workshop): Made {
  const { api, side, settings, validation, samples } = workshop
  const { scenarios } = settings
  const isOwn = (channel: Channel): boolean => Object.hasOwn(scenarios, channel.id)
  const given = channels.filter((channel) => !isOwn(channel))
  const whole = Object.hasOwn(scenarios, pattern) ? scenarios[pattern] : undefined
  const talk = talkOf(api.operations, channels, side)
  refuseForeign(whole ? [] : given, workshop)
  const said = new Set<string>()
  const incoming = new Classifier(talk.incoming, validation, (chosen, other) => {
    const text = `${pattern}: a message is "${chosen.name}" and "${other.name}" alike, and is taken for "${chosen.name}"`
    if (!said.has(text)) workshop.logger.warn(text)
    said.add(text)
  })
  const outgoing = new Classifier(talk.outgoing, validation)
  const maker = new ScenarioMaker(samples, incoming, outgoing)
  const generated = given.length > 0 ? [maker.scenarioOf(talkOf(api.operations, given, side), settings)] : []
  const scenario =
    whole ?? together([...channels.filter(isOwn).flatMap(({ id }) => scenarios[id] ?? []), ...generated])
  const query = queryOf(channels, validation)
  const handler: UniversalApiWsHandler = {
    pattern,
    // Addresses are whole paths.
    prefix: false,
    docs: docsOf(channels),
    ...refusalOf(channels, validation),
    schema: {
      ...(talk.incoming.length > 0 && incomingOf(incoming, pattern, workshop)),
      ...(talk.outgoing.length > 0 && {
        outgoing: standard((data) => (maker.isOurs(data) ? [] : outgoing.of(data).issues)),
      }),
      ...(query && { query }),
    },
    scenario,
  }
  return { handler, talk, channels, channelIds: channels.map(({ id }) => id) }
}

/** @throws `ERR_ASYNCAPI` for a schema in another language, whose messages nobody could make */
function refuseForeign(channels: readonly Channel[], { api, side }: Workshop): void {
  const { incoming, outgoing } = talkOf(api.operations, channels, side)
  for (const message of [...incoming, ...outgoing])
    if (message.foreign !== undefined)
      throw asyncApiError(
        `${message.node.where}: "${message.name}" is described in ${message.foreign}, which is not read here; ` +
          'describe it by a JSON schema, or give its channel a scenario of yours (option "scenarios")',
      )
}

function incomingOf(
  classifier: Classifier,
  pattern: string,
  { settings, logger }: Workshop,
): NonNullable<UniversalApiWsHandler['schema']> {
  const { onInvalid } = settings
  if (onInvalid !== 'warn')
    return { incoming: standard((data) => classifier.remembered(data).issues), onInvalid }
  const say = onceASecond(logger)
  return {
    incoming: standard((data) => {
      const { issues, message, stranger } = classifier.remembered(data)
      if (issues.length > 0)
        say(
          `${pattern}: ${message ? `the message "${message.name}"` : 'a message'} does not fit: ` +
            (stranger ??
              issues
                .slice(0, MAX_ISSUES)
                .map((issue) => inWordsWithout(data, issue))
                .join('; ')),
        )
      return []
    }),
  }
}

/** A query has to fit one of those that are described; where a channel has none, any does. */
function queryOf(channels: readonly Channel[], validation: Validation): StandardSchema | undefined {
  const queries = channels.flatMap(({ query }) => (query ? [query] : []))
  if (queries.length === 0 || queries.length < channels.length) return undefined
  const checks = queries.map((query) => validation.checkQuery(query))
  return standard((query) => {
    const [first = [], ...others] = checks.map((check) => check(query))
    return others.some((issues) => issues.length === 0) ? [] : first
  })
}

/** A parameter with a value that it cannot have is the path of nothing. Of a query the engine has the last of each name. */
function refusalOf(
  channels: readonly Channel[],
  validation: Validation,
): Pick<UniversalApiWsHandler, 'authenticate'> {
  const checks = new Map<string, ((value: string) => boolean)[]>()
  for (const [name, { values, schema }] of channels.flatMap(({ parameters }) => [...parameters])) {
    const key = parameterName(name)
    const accepts = schema
      ? validation.checkText(schema)
      : values && ((value: string) => values.includes(value))
    if (accepts) checks.set(key, [...(checks.get(key) ?? []), accepts])
  }
  const singles = singlesOf(channels)
  if (checks.size === 0 && singles.size === 0) return {}
  return {
    authenticate({ params, url }) {
      for (const [name, value] of Object.entries(params))
        if (checks.get(name)?.some((accepts) => accepts(value)) === false)
          return { success: false, status: 404, reason: `There is no ${name} "${value}"` }
      const twice = singles.size > 0 ? twiceIn(url).find((name) => singles.has(name)) : undefined
      return twice === undefined
        ? true
        : { success: false, status: 400, reason: `Invalid query: ${twice}: comes twice` }
    },
  }
}

/** The names that a query has more than once. */
function twiceIn(url: string): readonly string[] {
  const at = url.indexOf('?')
  const names = [...new URLSearchParams(at < 0 ? '' : url.slice(at)).keys()]
  return names.filter((name, index) => names.indexOf(name) !== index)
}

/** What a query can have once: all that is described, but for lists. */
function singlesOf(channels: readonly Channel[]): ReadonlySet<string> {
  const described = channels.flatMap(({ query }) => query?.get('properties')?.entries() ?? [])
  const isList = (schema: Node): boolean =>
    schema.text('type') === 'array' ||
    schema
      .get('type')
      ?.items()
      .some(({ value }) => value === 'array') === true ||
    schema.get('items') !== undefined
  const lists = new Set(described.filter(([, schema]) => isList(schema)).map(([name]) => name))
  return new Set(described.map(([name]) => name).filter((name) => !lists.has(name)))
}

function docsOf(channels: readonly Channel[]): HandlerDocs {
  const texts = (key: string): string =>
    [...new Set(channels.flatMap(({ node }) => node.text(key)?.trim() ?? []))].join('\n\n')
  const [summary, description] = [texts('summary') || texts('title'), texts('description')]
  return { ...(summary && { summary }), ...(description && { description }) }
}

function standard(check: (value: unknown) => readonly SchemaIssue[]): StandardSchema {
  const validate = (value: unknown): SchemaResult<unknown> => {
    const issues = check(value)
    return issues.length > 0 ? { issues } : { value }
  }
  return { '~standard': { version: 1, vendor: 'ajv', validate } }
}
