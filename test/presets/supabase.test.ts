import { RealtimeClient, type RealtimeChannel } from '@supabase/realtime-js'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { PhoenixError, PostgresChanges, supabase } from '../../src/presets/presets.ts'
import { Queue } from '../support/client.ts'
import { PLACES, untilEmpty, type Started } from './rig.ts'

const dialled: RealtimeClient[] = []
// At once: each takes its time.
afterEach(() => Promise.all(dialled.splice(0).map((client) => client.disconnect())))

function dial({ url }: Started, options: object = {}): RealtimeClient {
  const client = new RealtimeClient(`${url}/realtime/v1`, {
    params: { apikey: 'anon' },
    transport: WebSocket as never,
    reconnectAfterMs: () => 10,
    ...options,
  })
  dialled.push(client)
  return client
}

/** The state that it comes to, with the reason if it has one. */
function subscribed(channel: RealtimeChannel): Promise<string> {
  return new Promise((resolve) => {
    channel.subscribe((state, error) => resolve(error ? `${state} ${error.message}` : state))
  })
}

const VERSIONS = [
  ['vsn 2', {}],
  ['vsn 1', { vsn: '1.0.0' }],
] as const

describe.each(PLACES)('Supabase Realtime on $name', ({ start }) => {
  test.each(VERSIONS)(
    'broadcast, acknowledged, to oneself, to the other version, binary: %s',
    async (_name, options) => {
      const started = await start(supabase())
      const got = new Queue<unknown>('broadcast')
      const one = dial(started, options).channel('room', { config: { broadcast: { ack: true, self: true } } })
      const two = dial(started).channel('room')
      one.on('broadcast', { event: 'cursor' }, ({ payload }) => got.push(['one', payload]))
      two.on('broadcast', { event: 'cursor' }, ({ payload }) => got.push(['two', payload]))
      expect(await Promise.all([subscribed(one), subscribed(two)])).toEqual(['SUBSCRIBED', 'SUBSCRIBED'])
      expect(await one.send({ type: 'broadcast', event: 'cursor', payload: { x: 1 } })).toBe('ok')
      expect(new Set([await got.next(), await got.next()])).toEqual(
        new Set([
          ['one', { x: 1 }],
          ['two', { x: 1 }],
        ]),
      )
      await two.send({ type: 'broadcast', event: 'cursor', payload: { x: 2 } })
      expect(await got.next()).toEqual(['one', { x: 2 }])
      // Clients of the first version have no binary, and get none.
      const { buffer } = new Uint8Array([0, 255])
      await two.send({ type: 'broadcast', event: 'cursor', payload: buffer })
      await two.send({ type: 'broadcast', event: 'cursor', payload: { x: 3 } })
      if (!('vsn' in options)) expect(await got.next()).toEqual(['one', buffer])
      expect(await got.next()).toEqual(['one', { x: 3 }])
      expect(await one.unsubscribe()).toBe('ok')
    },
  )

  test.each(VERSIONS)('presence: %s', async (_name, options) => {
    const started = await start(supabase())
    const one = dial(started, options).channel('room', { config: { presence: { key: 'ann' } } })
    const client = dial(started)
    const two = client.channel('room', { config: { presence: { key: 'bob' } } })
    for (const each of [one, two]) each.on('presence', { event: 'sync' }, () => {})
    await Promise.all([subscribed(one), subscribed(two)])
    expect(await one.track({ online: 1 })).toBe('ok')
    expect(await two.track({ online: 2 })).toBe('ok')
    const keys = (channel: RealtimeChannel): string[] => Object.keys(channel.presenceState()).toSorted()
    await expect
      .poll(() => [keys(one), keys(two)])
      .toEqual([
        ['ann', 'bob'],
        ['ann', 'bob'],
      ])
    expect(one.presenceState()['bob']).toEqual([{ online: 2, presence_ref: expect.any(String) }])
    await client.disconnect()
    await expect.poll(() => keys(one)).toEqual(['ann'])
    await one.untrack()
    await expect.poll(() => keys(one)).toEqual([])
  })

  test.each(VERSIONS)('changes of tables, by event, table and filter: %s', async (_name, options) => {
    const changes = new PostgresChanges()
    const started = await start(supabase({ changes }))
    const got = new Queue<unknown>('change')
    const system = new Queue<unknown>('message of the system')
    const channel = dial(started, options).channel('db')
    const listen = (event: 'INSERT' | 'UPDATE' | 'DELETE' | '*', table: string, filter?: string): void => {
      const asked = { event: event as '*', schema: 'public', table, ...(filter !== undefined && { filter }) }
      channel.on('postgres_changes', asked, ({ eventType, table: of, new: record, old }) =>
        got.push([eventType, of, record, old]),
      )
    }
    listen('INSERT', 'todos')
    listen('*', 'users', 'id=in.(1,2),name=not.like.x%')
    listen('DELETE', 'todos', 'id=gte.5')
    // A Date is the text that goes out.
    listen('INSERT', 'days', 'at=eq.2026-05-01T00:00:00.000Z')
    channel.on('system', {}, (payload) => system.push(payload))
    expect(await subscribed(channel)).toBe('SUBSCRIBED')
    expect(await system.next()).toMatchObject({ status: 'ok', extension: 'postgres_changes', channel: 'db' })
    changes.update('todos', { id: 1 })
    changes.insert('todos', { id: 1, text: 'write it' })
    changes.insert('users', { id: 3, name: 'ann' })
    changes.insert('users', { id: 2, name: 'xavier' })
    changes.update('users', { id: 2, name: 'ann' }, { id: 2 })
    changes.delete('todos', { id: 4 })
    changes.delete('todos', { id: 5 })
    changes.insert('todos', { id: 9 }, 'private')
    changes.insert('days', { at: new Date('2026-05-02') })
    changes.insert('days', { at: new Date('2026-05-01') })
    changes.insert('todos', { id: 10 })
    expect([
      await got.next(),
      await got.next(),
      await got.next(),
      await got.next(),
      await got.next(),
    ]).toEqual([
      ['INSERT', 'todos', { id: 1, text: 'write it' }, {}],
      ['UPDATE', 'users', { id: 2, name: 'ann' }, { id: 2 }],
      ['DELETE', 'todos', {}, { id: 5 }],
      ['INSERT', 'days', { at: '2026-05-01T00:00:00.000Z' }, {}],
      ['INSERT', 'todos', { id: 10 }, {}],
    ])
  })

  test('who is kept out; a filter that is none; a client that comes back; 100 of them', async () => {
    const started = await start(
      supabase({
        join: (name, { access_token: token }: { access_token?: string }) => {
          if (name === 'private' && token === undefined) throw new PhoenixError('not for you')
        },
        authenticate: ({ url }) => url.includes('apikey=anon'),
      }),
    )
    const client = dial(started)
    expect(await subscribed(client.channel('private'))).toBe('CHANNEL_ERROR not for you')
    const wrong = client
      .channel('db')
      .on('postgres_changes', { event: '*', schema: 'public', table: 'a', filter: 'id=fts.1' }, () => {})
    expect(await subscribed(wrong)).toContain(
      'CHANNEL_ERROR the filter "id=fts.1" is not column=operator.value',
    )
    const nope = client
      .channel('events')
      .on('postgres_changes', { event: 'NOPE' as '*', schema: 'public', table: 'a' }, () => {})
    expect(await subscribed(nope)).toBe(
      'CHANNEL_ERROR the event "NOPE" is not one of *, INSERT, UPDATE, DELETE',
    )
    await client.removeAllChannels()
    const clients = Array.from({ length: 100 }, () => dial(started))
    const states = new Queue<string>('state')
    clients[0]!.channel('room').subscribe((state) => states.push(state))
    expect(await states.next()).toBe('SUBSCRIBED')
    expect(
      new Set(await Promise.all(clients.slice(1).map((each) => subscribed(each.channel('room'))))),
    ).toEqual(new Set(['SUBSCRIBED']))
    started.server.disconnect('/realtime/v1/websocket')
    expect([await states.next(), await states.next()]).toEqual(['CHANNEL_ERROR', 'SUBSCRIBED'])
    await Promise.all(clients.map((each) => each.disconnect()))
    await untilEmpty(started.server)
    expect(started.server.stats().handlerErrors).toBe(0)
  })
})

test('what it cannot take is an error at the call', () => {
  expect(() => supabase({ changes: {} } as never)).toThrow(
    '"supabase.changes" is {}; it has to be new PostgresChanges()',
  )
  expect(() => supabase({ jion: 1 } as never)).toThrow('unknown option "supabase.jion"')
  expect(() => supabase({ chanegs: 1 } as never)).toThrow('did you mean "changes"?')
  const changes = new PostgresChanges()
  expect(() => changes.insert('t', undefined as never)).toThrow('"changes.insert() record" is missing')
  expect(() => changes.delete('t', [] as never)).toThrow('it has to be a row')
  expect(() => changes.update('', {})).toThrow('it has to be the name of a table')
  expect(() => changes.listen(5 as never)).toThrow('"changes.listen() listener" is 5')
  expect(() => changes.insert('t', { id: 1n })).toThrow(
    'changes.insert() record.id is the bigint 1, which JSON has no form for',
  )
  expect(() => changes.insert('t', { deep: { id: 1n } })).toThrow('changes.insert() record is no JSON')
  expect(() => supabase({ join: 1 } as never)).toThrow('"supabase.join" is 1; it has to be a function')
})
