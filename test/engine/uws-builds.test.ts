import { expect, test } from 'vitest'
import type { RuntimeEvents } from '../../src/engine/runtime.ts'
import { createUwsRuntime } from '../../src/runtime/node/uws.ts'
import type { TemplatedApp, UwsModule } from '../../src/runtime/node/uws-module.ts'

/** A stand-in for builds that need a newer C library than the machines that test this have; it serves nobody. */
class OtherBuild {
  readonly told: number[] = []
  readonly setIdleTimeout: ((seconds: number) => void) | undefined

  constructor({ takesTimeout }: { readonly takesTimeout: boolean }) {
    this.setIdleTimeout = takesTimeout ? (seconds) => void this.told.push(seconds) : undefined
  }

  get module(): UwsModule {
    const ignore = (): void => {}
    const listen: TemplatedApp['listen'] = (_host, _port, _options, done) => {
      done({})
      return app
    }
    const { setIdleTimeout } = this
    const app = {
      filter: ignore,
      ws: ignore,
      any: ignore,
      close: ignore,
      listen,
      setIdleTimeout,
    } as unknown as TemplatedApp
    return {
      App: () => app,
      us_socket_local_port: () => 1,
      us_listen_socket_close: ignore,
    } as unknown as UwsModule
  }
}

test.each([
  [true, [10]],
  [false, []],
])(
  'a build that takes a time for handshakes (%s) is told 10 s, whatever its own is',
  async (takesTimeout, told) => {
    const build = new OtherBuild({ takesTimeout })
    const server = await createUwsRuntime(build.module, 'another build').listen(
      {} as RuntimeEvents<unknown>,
      {
        hosts: ['127.0.0.1'],
        port: 0,
        tls: undefined,
        handshakeTimeout: 10_000,
        sharesPort: false,
        maxPayload: 1024,
        maxBackpressure: 1024,
      },
    )
    await server.close()
    expect(build.told).toEqual(told)
  },
)
