import { afterEach, describe, expect, test } from 'vitest'
import { loadAsyncApi } from '../../src/asyncapi/load.ts'
import { Files } from '../../src/asyncapi/files.ts'
import { Generation } from '../../src/asyncapi/generation.ts'
import { Notes } from '../../src/asyncapi/notes.ts'
import { loadPeers } from '../../src/asyncapi/peers.ts'
import { Validation } from '../../src/asyncapi/validation.ts'
import { assertPlatform } from '../contract/runtimes.ts'
import { pathOf, endAll, notesOf } from './support.ts'

assertPlatform()
afterEach(endAll)

/** Whose each document is, and what says so. */
const PERSPECTIVES = [
  ['kraken-filter.yml', 'server', 'it receives "ping"'],
  ['kraken-channels.yml', 'server', 'it receives "ping"'],
  ['gemini.yml', 'server', 'it sends "marketData"'],
  ['slack-rtm.yml', 'server', 'it sends "hello", with which a server greets'],
  ['social-media/frontend/asyncapi.yaml', 'client', 'its title is "Website WebSocket Client"'],
  ['social-media/backend/asyncapi.yaml', 'server', 'its title is "Website Backend"'],
  ['slack-client.yml', 'client', 'its title is "Slack Websocket API Client"'],
  ['postman-echo.yml', 'client', 'its title is "Postman Echo WebSocket Client"'],
  ['hoppscotch/client.yml', 'client', 'its title is "Hoppscotch Echo WebSocket Client"'],
  ['hoppscotch/server.yml', 'server', 'its title is "Hoppscotch Echo WebSocket Server"'],
  ['websocket-components.yml', 'client', 'its description speaks of a client'],
  ['websocket-query.yml', 'server', 'nothing in the document says otherwise'],
  ['deepgram.yml', 'client', 'its operation "agent-v-1-publish" receives what it calls "Server messages"'],
  ['transcription.yml', 'server', 'it sends "SessionBegins", with which a server greets'],
  [
    'agent.yml',
    'server',
    'its operation "/v1/conversation publish" receives what it calls "Messages sent from the client to the server."',
  ],
  ['exchange.json', 'client', 'it receives "Connected", with which a server greets'],
  ['tickdb.json', 'server', 'it sends "TickerData"'],
  ['forum.yml', 'server', 'it receives "loginRequest"'],
  ['game.yml', 'server', 'it receives "subscribe"'],
  ['user-signed-up.yml', 'client', 'its operation "consumeUserSignedUp" is about what comes'],
] as const

const NAMES = PERSPECTIVES.map(([name]) => name)

test.each(PERSPECTIVES)('C6: %s is of the %s', (name, side, reason) => {
  const { perspective } = loadAsyncApi(pathOf(name))
  expect(perspective).toEqual({ side, reason })
  // Which is said, with how to turn it round.
  const other = side === 'server' ? 'client' : 'server'
  expect(notesOf(name)).toContain(
    `info: ${name} is taken for the document of the ${side}, because ${reason}; perspective: '${other}' turns it round`,
  )
})

test.each(NAMES)('C1: %s loads, with its patterns and warnings', (name) => {
  const { handlers } = loadAsyncApi(pathOf(name))
  expect({
    patterns: handlers.map(({ pattern }) => pattern),
    warnings: notesOf(name).filter((note) => note.startsWith('warn')),
  }).toMatchSnapshot()
})

test.each([
  ['gitter.yml', 'its servers speak https, and it is bound to HTTP'],
  ['streetlights-kafka.yml', 'its servers speak kafka-secure;'],
])('C1: %s is no document for WebSockets, which is said', (name, why) => {
  expect(() => loadAsyncApi(pathOf(name))).toThrow(
    expect.objectContaining({ code: 'ERR_ASYNCAPI', message: expect.stringContaining(why) }),
  )
})

test('C1: the perspective can be turned round, and x-sidewire-perspective says it in the document', () => {
  const directions = (options: object): unknown =>
    loadAsyncApi(pathOf('gemini.yml'), options).made.map(({ talk }) => [
      talk.incoming.map(({ name }) => name),
      talk.outgoing.map(({ name }) => name),
    ])
  expect(directions({})).toEqual([[[], ['marketData']]])
  expect(directions({ perspective: 'client' })).toEqual([[['marketData'], []]])
  const said = {
    asyncapi: '3.0.0',
    info: { title: 'Server', version: '1', 'x-sidewire-perspective': 'client' },
    channels: { a: { address: '/a' } },
  }
  expect(loadAsyncApi(said).perspective).toEqual({ side: 'client', reason: 'x-sidewire-perspective says so' })
})

/** Every schema of a message that is sent, each with so many values of it. */
function* samplesOf(
  name: string,
  seed: number,
  count: number,
): Generator<readonly [string, unknown, boolean]> {
  const files = new Files(pathOf(name))
  const notes = new Notes()
  const peers = loadPeers(files.folder)
  const validation = new Validation(peers, files, notes)
  const generation = new Generation({ peers, files, validation, notes }, { seed, samples: 'generate' })
  for (const { talk } of loadAsyncApi(pathOf(name)).made)
    for (const { payload, kind } of [...talk.incoming, ...talk.outgoing])
      if (payload && kind !== 'binary')
        for (let n = 0; n < count; n++) {
          const value = generation.make(payload, n)
          yield [payload.pointer, value, validation.check(payload)(value).length === 0]
        }
}

/** What cannot be had: `allOf` of objects that forbid each other's members. */
const UNSATISFIABLE = new Set(['/components/messages/SessionBegins/payload'])

describe('C10: made values', () => {
  test('fit their schemas, of all documents', () => {
    const misfits: string[] = []
    let all = 0
    for (const name of NAMES)
      for (const seed of [1, 2])
        for (const [pointer, , fits] of samplesOf(name, seed, 2)) {
          all++
          if (!fits && !UNSATISFIABLE.has(pointer)) misfits.push(`${name}${pointer}`)
        }
    expect(all).toBeGreaterThan(500)
    expect(misfits.length / all).toBeLessThan(0.01)
    expect([...new Set(misfits)]).toEqual([])
  })

  test('are the same for the same seed, here and on the other platform', () => {
    const values = (seed: number): unknown[] =>
      [...samplesOf('kraken-filter.yml', seed, 2)].map(([, value]) => value)
    expect(values(7)).toEqual(values(7))
    expect(values(8)).not.toEqual(values(7))
    expect(values(7)).toMatchSnapshot()
  })
})
