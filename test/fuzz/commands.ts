import * as fc from 'fast-check'
import { REPLAY } from './fuzz.ts'
import { ROOMS, type Op, type Settings } from './ops.ts'
import type { Trouble } from './network.ts'
import type { World } from './world.ts'

/** What the commands need to know of each other: the rest is the oracle's. */
interface Model {
  clients: number
}

const MAX_CLIENTS = 7

type Command = fc.AsyncCommand<Model, World>

/** A command is data and what it does; the data is what a failure prints. */
function command(
  name: string,
  data: unknown,
  run: (world: World) => void | Promise<void>,
  options: { needsClient?: boolean; adds?: boolean } = {},
): Command {
  const { needsClient = true, adds = false } = options
  return {
    check: ({ clients }) => (adds ? clients < MAX_CLIENTS : !needsClient || clients > 0),
    run: async (model, world) => {
      if (adds) model.clients++
      await run(world)
    },
    toString: () => `${name} ${JSON.stringify(data)}`,
  }
}

const who = fc.nat(MAX_CLIENTS)
const room = fc.constantFrom(...ROOMS)
// Two rooms in any order are the union that repeats.
const rooms = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(['a', 'b'], ['b', 'a'], ['a', 'b', 'a']) },
  { weight: 1, arbitrary: fc.constantFrom([], ['nobody'], ['a', 'nobody']) },
  { weight: 3, arbitrary: fc.array(room, { maxLength: 4 }) },
)
const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat(30) },
  { weight: 2, arbitrary: fc.constantFrom(64, 125, 126, 300, 5000) },
  { weight: 1, arbitrary: fc.constant(70_000) },
)
const includeSelf = fc.boolean()
const to = fc.oneof(
  fc.record({ kind: fc.constantFrom('all' as const, 'own' as const), includeSelf }),
  fc.record({ kind: fc.constant('room' as const), room, includeSelf }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rooms' as const), rooms, includeSelf }) },
)

const often = fc.integer({ min: 1, max: 4 })
const someMs = fc.integer({ min: 1, max: 3 })
const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ drop: often }) },
  { weight: 2, arbitrary: fc.record({ duplicate: often, latency: someMs }) },
  { weight: 2, arbitrary: fc.record({ drop: often, duplicate: often, latency: someMs, incoming: someMs }) },
  { weight: 1, arbitrary: fc.record({ incoming: someMs }) },
  { weight: 1, arbitrary: fc.record({ stall: fc.constant(true), drop: often }) },
)

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant('join' as const), room }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('leave' as const), room }) },
  {
    weight: 12,
    arbitrary: fc.record({ op: fc.constant('broadcast' as const), to, size, binary: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('send' as const), size }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('publish' as const), rooms: fc.option(rooms), size }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('unions' as const), start: fc.nat(70) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('move' as const), who, room }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('faults' as const), who, trouble: fc.option(trouble) }),
  },
  { weight: 1, arbitrary: fc.constant({ op: 'flood' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('close' as const),
      who,
      code: fc.constantFrom(1000, 1001, 1013, 3000, 4999),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('forceClose' as const), who }) },
)

/** Several messages in one piece; each is one turn of the handler. */
const turns = fc.array(fc.array(op, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 })

const settings: fc.Arbitrary<Settings> = fc.record({
  scope: fc.constantFrom('handler', 'path'),
  compression: fc.boolean(),
  delay: fc.constantFrom(0, 0, 1),
  sequential: fc.boolean(),
  transform: fc.boolean(),
  late: fc.boolean(),
  defaultRoom: fc.option(room),
  second: fc.boolean(),
})

const tell = fc
  .tuple(who, turns)
  .map(([client, list]) => command('tell', [client, list], (world) => world.tell(client, list)))

const place = fc.constantFrom('x' as const, 'x' as const, 'y' as const, 'second' as const)

/** Who is there from the start. */
export const places: fc.Arbitrary<('x' | 'y' | 'second')[]> = fc.array(place, { maxLength: 4, size: 'max' })

export const commands: fc.Arbitrary<Iterable<Command>> = fc.commands(
  [
    fc
      .tuple(place, fc.boolean())
      .map(([at, deflate]) =>
        command('connect', [at, deflate], (world) => world.connect(at, deflate), { adds: true }),
      ),
    tell,
    tell,
    tell,
    fc
      .tuple(who, fc.constantFrom(1000, 1001, 4000))
      .map(([client, code]) =>
        command('closeFrame', [client, code], (world) => world.closeFrame(client, code)),
      ),
    fc
      .tuple(who, fc.boolean())
      .map(([client, reset]) => command('vanish', [client, reset], (world) => world.vanish(client, reset))),
    who.map((client) => command('pause', client, (world) => world.pause(client))),
    settings.map((next) => command('reload', next, (world) => world.reload(next), { needsClient: false })),
    fc
      .tuple(fc.constantFrom('first' as const, 'second' as const), fc.option(rooms), size)
      .map(([handler, names, length]) =>
        command('publish', [handler, names, length], (world) => world.publish(handler, names, length)),
      ),
    fc
      .tuple(fc.constantFrom('first' as const, 'second' as const), fc.option(trouble))
      .map(([handler, next]) =>
        command('faults', [handler, next], (world) => world.faults(handler, next), { needsClient: false }),
      ),
    fc.constant(command('check', '', (world) => world.check())),
  ],
  { maxCommands: 30, size: 'max', ...(REPLAY !== undefined && { replayPath: REPLAY }) },
)
