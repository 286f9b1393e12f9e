import { expect } from 'vitest'
import { SidewireError, type HandlerService, type UniversalApiWsHandler } from '../../../src/index.ts'
import type { Case } from '../harness.ts'

const RELOADS = 'the plugin reloads with the files'

/** One version of `/a`, which writes down what it is told, and hands its name over. */
function version(
  name: string,
  log: string[],
  more: Partial<UniversalApiWsHandler> = {},
): UniversalApiWsHandler {
  return {
    pattern: '/a',
    onStart: (_service, handedOver) => void log.push(`${name} start ${handedOver}`),
    onStop: (_service, { reason }) => {
      log.push(`${name} ${reason}`)
      return name
    },
    ...more,
  }
}

/** A hook that settles when it is told to. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

export const CASES: readonly Case[] = [
  {
    name: 'onStart when the server listens, onStop last: after the onClose of every connection',
    async run(t) {
      const log: string[] = []
      const server = await t.start(
        version('one', log, {
          onConnect: () => void log.push('connect'),
          onClose: (_conn, code) => void log.push(`close ${code}`),
        }),
      )
      expect(log).toEqual(['one start undefined'])
      const clients = [await t.connect(server, '/a'), await t.connect(server, '/a')]
      await server.close()
      expect(log).toEqual([
        'one start undefined',
        'connect',
        'connect',
        'close 1001',
        'close 1001',
        'one closed',
      ])
      await Promise.all(clients.map((client) => client.closed))
    },
  },
  {
    name: 'service: pattern, open connections, the log, and publish as server.publish, from the first moment',
    async run(t) {
      const services: HandlerService[] = []
      const other = t.queue<unknown>('message')
      const server = await t.start([
        {
          pattern: 'a/{room}',
          scope: 'path',
          onStart: (service) => {
            service.publish('nobody is there')
            services.push(service)
          },
          onConnect: (conn) => conn.joinRoom(conn.params['room'] ?? ''),
        },
        { pattern: '/b', onConnect: (conn) => void conn.send('hello b') },
      ])
      const [service] = services as [HandlerService]
      expect([service.pattern, service.connections.length]).toEqual(['/a/{room}', 0])
      const one = await t.connect(server, '/a/1')
      const two = await t.connect(server, '/a/2')
      const outsider = await t.connect(server, '/b')
      expect(service.connections.map(({ path, params }) => [path, params])).toEqual([
        ['/api/a/1', { room: '1' }],
        ['/api/a/2', { room: '2' }],
      ])
      service.logger.warn('said by a handler')
      service.logger.debug('too much to say')
      expect(t.log).toContain('warn [sidewire] said by a handler')
      expect(t.log.join()).not.toContain('too much')
      const { publish } = service
      publish({ to: 'all' })
      publish('room', { rooms: ['2'] })
      service.connections.find((conn) => conn.isInRoom('1'))?.send('one')
      expect([await one.next(), await one.next()]).toEqual([{ to: 'all' }, 'one'])
      expect([await two.next(), await two.next()]).toEqual([{ to: 'all' }, 'room'])
      for (const [misuse, code] of [
        [() => publish(() => {}), 'ERR_SERIALIZE'],
        [() => publish('x', { room: 1 } as never), 'ERR_OPTION'],
      ] as const) {
        let thrown: unknown
        try {
          misuse()
        } catch (error) {
          thrown = error
        }
        expect(thrown).toBeInstanceOf(SidewireError)
        expect(thrown).toMatchObject({ code })
      }
      expect(await outsider.next()).toBe('hello b')
      outsider.close()
      other.push(await outsider.closed)
      one.close()
      await t.until(() => service.connections.length, 1)
    },
  },
  {
    name: 'after onStop a service has no connections, and publishes to nobody, with one warning',
    standalone: RELOADS,
    async run(t) {
      const services: HandlerService[] = []
      const onStart = (service: HandlerService): void => void services.push(service)
      const server = await t.start({ pattern: '/a', onStart })
      const client = await t.connect(server, '/a')
      server.reload({ port: 0, wsHandlers: [{ pattern: '/a', onStart }] })
      const [before, after] = services as [HandlerService, HandlerService]
      expect([before.connections.length, after.connections.length]).toEqual([0, 1])
      before.publish('old')
      before.publish(() => 'not even looked at')
      after.publish('new')
      expect(await client.next()).toBe('new')
      const warnings = t.log.filter((line) => line.includes('onStop'))
      expect(warnings).toEqual([
        'warn [sidewire] /a: publish() was called after onStop, and reaches nobody: end in onStop what calls it (this is said once)',
      ])
    },
  },
  {
    name: 'a reload: the same object stays, another one takes over what was handed to it, connections stay',
    standalone: RELOADS,
    async run(t) {
      const log: string[] = []
      const one = version('one', log, { onMessage: (conn) => void conn.send('one') })
      const two = version('two', log, { onMessage: (conn) => void conn.send('two') })
      const server = await t.start(one)
      const client = await t.connect(server, '/a')
      const put = (...wsHandlers: UniversalApiWsHandler[]): void => server.reload({ port: 0, wsHandlers })
      put(one, { pattern: '/b' })
      expect(log.splice(0)).toEqual(['one start undefined'])
      put(two)
      expect(log.splice(0)).toEqual(['one replaced', 'two start one'])
      client.send('?')
      expect(await client.next()).toBe('two')
      put({ ...one })
      expect(log.splice(0)).toEqual(['two replaced', 'one start two'])
      // One that has no hooks hands nothing over.
      put({ pattern: '/a' })
      put(two)
      expect(log.splice(0)).toEqual(['one replaced', 'two start undefined'])
      expect(() => put({ pattern: '/:id' })).toThrow(SidewireError)
      expect(log).toEqual([])
    },
  },
  {
    name: 'a reload that removes or disables a handler: onStop when its connections are gone, and nothing is handed over',
    standalone: RELOADS,
    async run(t) {
      const log: string[] = []
      const onClose = (_conn: unknown, code: number): void => void log.push(`close ${code}`)
      const server = await t.start(version('one', log, { onClose }))
      const put = (...wsHandlers: UniversalApiWsHandler[]): void => server.reload({ port: 0, wsHandlers })
      const client = await t.connect(server, '/a')
      put()
      expect((await client.closed).code).toBe(1001)
      await t.until(() => log, ['one start undefined', 'close 1001', 'one removed'])
      log.splice(0)
      put(version('two', log))
      put(version('two', log, { disabled: true }))
      put(version('three', log))
      expect(log.splice(0)).toEqual(['two start undefined', 'two removed', 'three start undefined'])
      server.reload({ port: 0, enableWs: false, wsHandlers: [version('three', log)] })
      expect(log).toEqual(['three removed'])
      await server.close()
      put(version('four', log))
      expect(log).toEqual(['three removed'])
    },
  },
  {
    name: 'async hooks come one after the other, and a version that came and went meanwhile hears nothing',
    standalone: RELOADS,
    async run(t) {
      const log: string[] = []
      const starting = gate()
      const stopping = gate()
      const server = await t.start(
        version('one', log, {
          async onStart() {
            log.push('one start')
            await starting.opened
            log.push('one started')
          },
          async onStop(service) {
            log.push('one stop')
            await stopping.opened
            service.publish('still there')
            return { state: 1 }
          },
        }),
      )
      const client = await t.connect(server, '/a')
      const put = (handler: UniversalApiWsHandler): void => server.reload({ port: 0, wsHandlers: [handler] })
      put(version('two', log))
      expect(log).toEqual(['one start'])
      starting.open()
      await t.until(() => log, ['one start', 'one started', 'one stop'])
      put(version('three', log))
      const last = version('four', log, {
        onStart: (_service, { state }) => void log.push(`four start ${state}`),
      })
      put(last)
      stopping.open()
      expect(await client.next()).toBe('still there')
      await t.until(() => log, ['one start', 'one started', 'one stop', 'four start 1'])
    },
  },
  {
    name: 'a hook that throws or rejects is logged and counted, and the next one comes all the same',
    standalone: RELOADS,
    async run(t) {
      const log: string[] = []
      const fail = (): never => {
        throw new Error('on purpose')
      }
      const server = await t.start(version('one', log, { onStart: fail, onStop: fail, onError: fail }))
      const put = (handler: UniversalApiWsHandler): void => server.reload({ port: 0, wsHandlers: [handler] })
      const reject = (): Promise<never> => Promise.reject(new Error('on purpose'))
      put(version('two', log))
      put(version('three', log, { onStart: reject, onStop: reject }))
      put(version('four', log))
      await t.until(() => log, ['two start undefined', 'two replaced', 'four start undefined'])
      const errors = t.log.filter((line) => line.startsWith('error '))
      expect(errors.map((line) => /\/a: (.*): Error: on purpose\n\s+at /.exec(line)?.[1])).toEqual([
        'onStart failed',
        'onStop failed',
        'onStart failed',
        'onStop failed',
      ])
      expect(server.stats()).toMatchObject({ handlerErrors: 4 })
    },
  },
  {
    name: 'close() waits for an async onStop, and no longer than shutdownTimeout',
    async run(t) {
      const log: string[] = []
      const stopping = gate()
      const asked = t.queue<undefined>('onStop')
      const onStop = async (): Promise<void> => {
        asked.push(undefined)
        await stopping.opened
        log.push('stopped')
      }
      const server = await t.start(version('one', log, { onStop }))
      const closed = server.close().then(() => log.push('closed'))
      await asked.next()
      // Who does not wait is through by then: on the memory runtime there is nothing else to wait for.
      await new Promise((resolve) => setImmediate(resolve))
      stopping.open()
      await closed
      expect(log).toEqual(['one start undefined', 'stopped', 'closed'])
      const stuck = await t.start(version('two', log, { onStop: () => new Promise(() => {}) }), {
        shutdownTimeout: 50,
      })
      await stuck.close()
      expect(t.log.join()).toContain('/a: onStop did not settle within 50 ms (shutdownTimeout)')
    },
  },
  {
    name: 'a hook may reload the server, and close it',
    standalone: RELOADS,
    async run(t) {
      const log: string[] = []
      const server = await t.start([])
      const closed = t.queue<undefined>('close')
      const three = version('three', log, {
        onStart: () => {
          log.push('three start')
          void server.close().then(() => closed.push(undefined))
        },
      })
      const two = version('two', log, {
        onStart: () => {
          log.push('two start')
          server.reload({ port: 0, wsHandlers: [three] })
        },
      })
      server.reload({ port: 0, wsHandlers: [two, version('other', log, { pattern: '/other' })] })
      await closed.next()
      expect(log).toEqual(['two start', 'two replaced', 'three start', 'three closed'])
    },
  },
]
