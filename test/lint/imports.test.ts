import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

// Who may import whom, as CONTRIBUTING.md has it. Each file gets all its imports, one a line, in a project of
// its own with our .oxlintrc.json; the linter has to refuse exactly the `denied` ones.

const node = ['node:fs', 'node:fs/promises']
const platforms = [
  ...node,
  'fs',
  'bun',
  'bun:ffi',
  'ws',
  'uWebSockets.js',
  'vite',
  'http-proxy-3',
  'commander',
]
const not = (...allowed: string[]): string[] => platforms.filter((name) => !allowed.includes(name))

interface Row {
  readonly file: string
  readonly allowed: readonly string[]
  readonly denied: readonly string[]
}

const table: readonly Row[] = [
  {
    file: 'src/engine/a.ts',
    allowed: ['./b.ts', './deep/b.ts', './timers.ts', 'valibot'],
    denied: [...platforms, '../index.ts', '../runtime/detect.ts', '../server/server.ts', './../index.ts'],
  },
  {
    file: 'src/engine/rooms/a.ts',
    allowed: ['./b.ts', '../timers.ts', '../connection/connection.ts', 'valibot'],
    denied: [
      ...platforms,
      '../../index.ts',
      '../../runtime/detect.ts',
      '../../server/server.ts',
      './../../index.ts',
    ],
  },
  {
    file: 'src/runtime/listen-on-all.ts',
    allowed: [
      '../engine/runtime.ts',
      '../engine/errors.ts',
      '../engine/close.ts',
      '../engine/timers.ts',
      'node:fs',
    ],
    denied: [...not('node:fs'), '../engine/engine.ts', './detect.ts', './node/ws.ts', './bun/bun.ts'],
  },
  {
    file: 'src/runtime/detect.ts',
    allowed: [
      '../engine/runtime.ts',
      '../engine/errors.ts',
      './node/load.ts',
      './node/uws.ts',
      './node/ws.ts',
      './bun/bun.ts',
    ],
    denied: [...platforms, '../engine/engine.ts', '../server/server.ts', './node/frame.ts'],
  },
  {
    file: 'src/runtime/node/frame.ts',
    allowed: [
      '../../engine/runtime.ts',
      '../../engine/timers.ts',
      '../../engine/handshake/asks-for-websocket.ts',
      '../../engine/errors.ts',
      '../../engine/close.ts',
      '../listen-on-all.ts',
      '../open-files.ts',
      '../answers.ts',
      '../raw-answer.ts',
      '../tls-files.ts',
      './b.ts',
      ...node,
    ],
    denied: [
      ...not(...node),
      '../../engine/engine.ts',
      '../../index.ts',
      '../../server/server.ts',
      '../bun/bun.ts',
      '../detect.ts',
    ],
  },
  {
    file: 'src/runtime/node/uws.ts',
    allowed: [
      '../../engine/runtime.ts',
      '../../engine/timers.ts',
      '../../engine/handshake/asks-for-websocket.ts',
      '../listen-on-all.ts',
      '../open-files.ts',
      '../answers.ts',
      '../raw-answer.ts',
      '../tls-files.ts',
      './frame.ts',
      './uws-module.ts',
      ...node,
      'uWebSockets.js',
    ],
    denied: [
      ...not(...node, 'uWebSockets.js'),
      '../../engine/engine.ts',
      '../bun/bun.ts',
      '../detect.ts',
      './ws.ts',
    ],
  },
  {
    file: 'src/runtime/node/ws.ts',
    allowed: [
      '../../engine/runtime.ts',
      '../../engine/timers.ts',
      '../../engine/handshake/asks-for-websocket.ts',
      '../listen-on-all.ts',
      '../open-files.ts',
      '../answers.ts',
      '../raw-answer.ts',
      '../tls-files.ts',
      './frame.ts',
      ...node,
      'ws',
    ],
    denied: [
      ...not(...node, 'ws'),
      '../../engine/engine.ts',
      '../bun/bun.ts',
      '../detect.ts',
      './uws.ts',
      './uws-module.ts',
      './load.ts',
    ],
  },
  {
    file: 'src/runtime/bun/bun.ts',
    allowed: [
      '../../engine/runtime.ts',
      '../../engine/timers.ts',
      '../../engine/handshake/asks-for-websocket.ts',
      '../listen-on-all.ts',
      '../open-files.ts',
      '../answers.ts',
      '../raw-answer.ts',
      '../tls-files.ts',
      './b.ts',
      ...node,
      'bun',
      'bun:ffi',
    ],
    denied: [
      ...not(...node, 'bun', 'bun:ffi'),
      '../../engine/engine.ts',
      '../node/ws.ts',
      '../node/uws.ts',
      '../detect.ts',
    ],
  },
  {
    file: 'src/server/server.ts',
    allowed: [
      'node:fs',
      '../cluster/membership.ts',
      '../engine/engine.ts',
      '../runtime/detect.ts',
      '../control/control.ts',
      '../faults/network.ts',
      '../inspector/inspector.ts',
      '../metrics/metrics.ts',
      '../upstream/upstreams.ts',
      './config.ts',
    ],
    denied: [
      ...not('node:fs'),
      '../runtime/node/ws.ts',
      '../runtime/bun/bun.ts',
      '../runtime/listen-on-all.ts',
      '../faults/link.ts',
      '../metrics/collect.ts',
      '../index.ts',
      '../cli/serve.ts',
    ],
  },
  {
    file: 'src/cli/serve.ts',
    allowed: [
      '../index.ts',
      '../engine/errors.ts',
      '../load/load.ts',
      '../asyncapi/load.ts',
      '../documents/document.ts',
      '../server/version.ts',
      '../workers/workers.ts',
      './report.ts',
      './demo/demo.ts',
      ...node,
      'commander',
      'esbuild',
      'picocolors',
    ],
    denied: [
      ...not(...node, 'commander'),
      '../engine/engine.ts',
      '../metrics/metrics.ts',
      '../server/server.ts',
      '../runtime/detect.ts',
      '../vite/plugin.ts',
    ],
  },
  {
    file: 'src/cli/demo/demo.ts',
    allowed: ['../../index.ts', '../../load/load.ts', '../report.ts', './handlers.ts', ...node],
    denied: [
      ...not(...node, 'commander'),
      '../../engine/errors.ts',
      '../../server/server.ts',
      '../../vite/plugin.ts',
    ],
  },
  {
    file: 'src/vite/plugin.ts',
    allowed: [
      '../server/server.ts',
      '../engine/errors.ts',
      '../engine/handler/handler.ts',
      '../engine/logger.ts',
      '../engine/inside.ts',
      '../engine/handshake/addresses.ts',
      '../engine/handshake/asks-for-websocket.ts',
      '../engine/handshake/handshake.ts',
      '../engine/handshake/nearest-handler.ts',
      '../engine/handler/options.ts',
      '../engine/handshake/request.ts',
      '../engine/timers.ts',
      '../engine/traffic-log.ts',
      '../runtime/raw-answer.ts',
      './tunnel.ts',
      ...node,
      'vite',
    ],
    denied: [
      ...not(...node, 'vite'),
      '../index.ts',
      '../engine/engine.ts',
      '../engine/handler/live-handler.ts',
      '../engine/rooms/rooms.ts',
      '../runtime/detect.ts',
      '../cli/serve.ts',
      '../load/load.ts',
    ],
  },
  {
    file: 'src/vite/tunnel.ts',
    allowed: ['../server/forwarded.ts', ...node, 'http-proxy-3'],
    denied: [...not(...node, 'vite', 'http-proxy-3'), '../index.ts', '../engine/engine.ts'],
  },
  {
    file: 'src/scenario/scenario-play.ts',
    allowed: ['../engine/play.ts', '../engine/handler/scenario.ts', '../faults/chance.ts', './run.ts'],
    denied: [
      ...platforms,
      '../index.ts',
      '../server/server.ts',
      '../faults/network.ts',
      '../control/control.ts',
    ],
  },
  {
    file: 'src/mock-file/mock-file.ts',
    allowed: [
      '../documents/document.ts',
      '../engine/handler/options.ts',
      '../scenario/match.ts',
      './source.ts',
      'node:fs',
    ],
    denied: [...not('node:fs'), '../scenario/scenario-play.ts', '../index.ts', '../server/server.ts', 'yaml'],
  },
  {
    file: 'src/documents/document.ts',
    allowed: ['../engine/errors.ts', './short-path.ts', 'yaml', 'node:fs'],
    denied: [...not('node:fs'), '../engine/clock.ts', '../scenario/scenario-play.ts', '../index.ts'],
  },
  {
    file: 'src/asyncapi/load.ts',
    allowed: [
      '../documents/document.ts',
      '../engine/errors.ts',
      '../engine/handler/scenario.ts',
      '../engine/schema/standard-schema.ts',
      './files.ts',
      ...node,
      'ajv',
    ],
    denied: [
      ...not(...node),
      'yaml',
      '../engine/engine.ts',
      '../engine/handler/live-handler.ts',
      '../scenario/scenario-play.ts',
      '../cli/serve.ts',
      '../server/server.ts',
      '../vite/plugin.ts',
      '../index.ts',
    ],
  },
  {
    file: 'src/codecs/codecs.ts',
    allowed: ['../engine/connection/codec.ts'],
    denied: [...platforms, '@msgpack/msgpack', 'protobufjs', '../engine/errors.ts', '../index.ts'],
  },
  {
    file: 'src/presets/socket-io.ts',
    allowed: [
      '../engine/errors.ts',
      '../engine/connection/websocket-connection.ts',
      '../engine/handler/handler.ts',
      '../engine/handshake/request.ts',
      '../engine/upstream/drop.ts',
      './options.ts',
      'node:events',
    ],
    denied: [
      ...not(...node),
      'socket.io',
      'msw',
      'graphql-ws',
      '../engine/engine.ts',
      '../engine/handshake/handshake.ts',
      '../index.ts',
      '../server/server.ts',
      '../testing/index.ts',
    ],
  },
  {
    file: 'src/faults/network.ts',
    allowed: [
      '../engine/clock.ts',
      '../engine/connection/connection.ts',
      './link.ts',
      'pure-rand/generator/xoroshiro128plus',
    ],
    denied: [...platforms, 'node:crypto', '../index.ts', '../server/server.ts', '../control/control.ts'],
  },
  {
    file: 'src/control/control.ts',
    allowed: ['../engine/inside.ts', '../engine/handshake/request.ts', './journal.ts', 'node:crypto'],
    denied: [...platforms, '../index.ts', '../server/server.ts', '../testing/journal.ts'],
  },
  {
    file: 'src/metrics/metrics.ts',
    allowed: ['../engine/inside.ts', '../control/access.ts', './collect.ts', ...node],
    denied: [...not(...node), '../control/control.ts', '../index.ts', '../server/server.ts'],
  },
  {
    file: 'src/inspector/inspector.ts',
    allowed: [
      '../engine/inside.ts',
      '../control/commands.ts',
      '../faults/by-name.ts',
      './row.ts',
      'node:crypto',
      'valibot',
    ],
    denied: [
      ...not(...node),
      '../index.ts',
      '../server/server.ts',
      '../testing/journal.ts',
      '../faults/network.ts',
      './page/store.ts',
    ],
  },
  {
    file: 'src/inspector/page/store.ts',
    allowed: ['./lines.ts', '../../recording/format.ts', 'preact', 'preact/hooks', '@preact/signals'],
    denied: [
      ...platforms,
      '../row.ts',
      '../../recording/recorder.ts',
      '../../engine/tap.ts',
      '../../index.ts',
    ],
  },
  {
    file: 'src/recording/recorder.ts',
    allowed: [
      '../engine/errors.ts',
      '../engine/logger.ts',
      '../engine/members.ts',
      '../engine/timers.ts',
      './format.ts',
      'node:fs',
      'fflate',
      'valibot',
    ],
    denied: [
      ...not('node:fs', 'node:fs/promises'),
      '../index.ts',
      '../engine/engine.ts',
      '../server/server.ts',
      '../wire/client-socket.ts',
    ],
  },
  {
    file: 'src/wire/client-socket.ts',
    allowed: ['../engine/close.ts', '../engine/timers.ts', './frame.ts', ...node],
    denied: [
      ...not(...node),
      '../engine/engine.ts',
      '../engine/errors.ts',
      '../index.ts',
      '../load/options.ts',
      '../runtime/detect.ts',
      '../server/server.ts',
      '../testing/journal.ts',
    ],
  },
  {
    file: 'src/cluster/redis/redis-link.ts',
    allowed: ['../../engine/timers.ts', '../redialing-broker.ts', './command.ts', ...node],
    denied: [
      ...not(...node),
      '@nats-io/transport-node',
      '../../engine/engine.ts',
      '../../index.ts',
      '../../server/server.ts',
      '../nats/peek.ts',
    ],
  },
  {
    file: 'src/cluster/nats/nats-link.ts',
    allowed: [
      '../../engine/errors.ts',
      '../../engine/timers.ts',
      '../redialing-broker.ts',
      './peek.ts',
      ...node,
      '@nats-io/transport-node',
    ],
    denied: [
      ...not(...node),
      '../../engine/engine.ts',
      '../../index.ts',
      '../../server/server.ts',
      '../redis/command.ts',
    ],
  },
  {
    file: 'src/upstream/dial.ts',
    allowed: [
      '../engine/handshake/request.ts',
      '../wire/client-socket.ts',
      '../recording/recorder.ts',
      './target.ts',
      ...node,
    ],
    denied: [
      ...not(...node),
      '../index.ts',
      '../server/server.ts',
      '../runtime/detect.ts',
      '../load/options.ts',
    ],
  },
  {
    file: 'src/testing/test-server.ts',
    allowed: [
      '../server/server.ts',
      '../wire/client-socket.ts',
      '../engine/tap.ts',
      '../engine/handshake/request.ts',
      './journal.ts',
      ...node,
    ],
    denied: [...not(...node), '../index.ts', '../runtime/detect.ts', '../vite/plugin.ts', '../load/load.ts'],
  },
  {
    file: 'src/testing/vitest.ts',
    allowed: ['./matchers.ts', 'vitest'],
    denied: [...platforms, '@jest/globals', '../server/server.ts', '../engine/tap.ts', '../index.ts'],
  },
  {
    file: 'src/testing/jest.ts',
    allowed: ['./matchers.ts', '@jest/globals'],
    denied: [...platforms, 'vitest', '../server/server.ts', '../engine/tap.ts', '../index.ts'],
  },
  {
    file: 'src/testing/playwright.ts',
    allowed: ['./matchers.ts', './test-server.ts', '@playwright/test'],
    denied: [
      ...platforms,
      'vitest',
      '@jest/globals',
      '../server/server.ts',
      '../engine/tap.ts',
      '../index.ts',
    ],
  },
  {
    file: 'src/load/load.ts',
    allowed: [
      '../engine/errors.ts',
      '../recording/comparison.ts',
      '../recording/message.ts',
      '../wire/client-socket.ts',
      './worker.ts',
      ...node,
      'hdr-histogram-js',
    ],
    denied: [
      ...not(...node),
      '../recording/load.ts',
      '../index.ts',
      '../server/server.ts',
      '../cli/serve.ts',
      '../vite/plugin.ts',
    ],
  },
  {
    file: 'src/load/expect/judge.ts',
    allowed: [
      '../../engine/errors.ts',
      '../../recording/comparison.ts',
      '../../wire/client-socket.ts',
      '../aggregate.ts',
      '../stages/stage.ts',
      './threshold.ts',
      ...node,
    ],
    denied: [
      ...not(...node),
      '../../engine/engine.ts',
      '../../recording/load.ts',
      '../../index.ts',
      '../../server/server.ts',
      '../../cli/serve.ts',
    ],
  },
  {
    file: 'test/contract/cases.ts',
    allowed: ['../../src/index.ts', '../../src/engine/runtime.ts', '../support/client.ts', ...node, 'ws'],
    denied: ['../../src/engine/engine.ts', '../../src/runtime/node/ws.ts', '../../src/server/server.ts'],
  },
  {
    file: 'test/engine/rooms.test.ts',
    allowed: ['../../src/engine/engine.ts', '../../src/runtime/node/ws.ts', ...node],
    denied: [],
  },
]

const root = fileURLToPath(new URL('../..', import.meta.url))
let project = ''
let refused: ReadonlyMap<string, readonly number[]> = new Map()

interface Report {
  diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[]
}

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'sidewire-lint-'))
  copyFileSync(join(root, '.oxlintrc.json'), join(project, '.oxlintrc.json'))
  for (const { file, allowed, denied } of table) {
    mkdirSync(dirname(join(project, file)), { recursive: true })
    const lines = [...allowed, ...denied].flatMap((name) => [`import '${name}'`, `void import('${name}')`])
    writeFileSync(join(project, file), lines.join('\n'))
  }
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
  const { stdout, stderr } = spawnSync(process.execPath, [oxlint, '-f', 'json'], {
    cwd: project,
    encoding: 'utf8',
  })
  expect(stderr).not.toContain('Failed')
  const lines = new Map<string, number[]>()
  for (const { code, filename, labels } of (JSON.parse(stdout) as Report).diagnostics) {
    if (code !== 'eslint(no-restricted-imports)') continue
    lines.set(filename, [...(lines.get(filename) ?? []), labels[0]?.span.line ?? 0])
  }
  refused = lines
})

afterAll(() => rmSync(project, { recursive: true, force: true }))

test.for(table)('$file', ({ file, allowed, denied }) => {
  const imports = [...allowed, ...denied].flatMap((name) => [name, `await import: ${name}`])
  const lines = (refused.get(file) ?? []).toSorted((a, b) => a - b)
  expect(lines.map((line) => imports[line - 1])).toEqual(
    denied.flatMap((name) => [name, `await import: ${name}`]),
  )
})

test('detect.ts loads a runtime only when it is chosen, so Bun never loads uWebSockets.js nor Node bun', () => {
  const source = readFileSync(join(root, 'src/runtime/detect.ts'), 'utf8')
  const statics = [...source.matchAll(/^(?:import|export)\b(?:[^;'"]*\bfrom)?\s*['"](.+)['"]/gm)].map(
    (match) => match[1],
  )
  expect(statics.length).toBeGreaterThan(0)
  expect(statics.filter((name) => !name?.startsWith('../engine/'))).toEqual([])
})

test('src/index.ts lists the public API by name', () => {
  expect(readFileSync(join(root, 'src/index.ts'), 'utf8')).not.toContain('export *')
})
