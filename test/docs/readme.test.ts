import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CloseCode,
  createServer,
  universalApi,
  type ServerOptions,
  type SidewireError,
} from '../../src/index.ts'
import { Cli } from '../cli/cli.ts'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
import { connectWs, within } from '../support/client.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

/** The code words of a table's first column, the table being the first one under a heading. */
function firstColumn(heading: string): string[] {
  const section = README.split(`${heading}\n`)[1]?.split(/\n#+ /)[0] ?? ''
  const table = /(?:^\|.*\n)+/m.exec(section)?.[0] ?? ''
  return table
    .split('\n')
    .slice(2)
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)/g)].map(([, word]) => word ?? ''))
}

function snippet(language: string, containing: string): string {
  const blocks = [...README.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map(
    ([, code]) => code ?? '',
  )
  const found = blocks.find((code) => code.includes(containing))
  if (!found) throw new Error(`the README has no ${language} block with ${containing}`)
  return found
}

/** The names that the validation knows, as it lists them for a wrong one. */
async function knownOptions(options: object): Promise<string[]> {
  const error = await createServer(options as ServerOptions).then(
    () => undefined,
    (reason: SidewireError) => reason,
  )
  return (error?.message.split('known are ')[1] ?? '').split(', ').toSorted()
}

describe('the README', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sidewire-readme-'))
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(ROOT, join(folder, 'node_modules/sidewire'), 'dir')
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('lists every option, and none that does not exist', async () => {
    const documented = firstColumn('## Options').toSorted()
    const pluginOnly = ['sidecar', 'wsDir']
    expect(documented).toEqual([...(await knownOptions({ nonsense: 1 })), ...pluginOnly].toSorted())
    for (const option of pluginOnly) expect(() => universalApi({ [option]: 7 })).toThrow(`option "${option}"`)
  })

  it('lists every field of a handler', async () => {
    const known = await knownOptions({ wsHandlers: [{ pattern: '/a', nonsense: 1 }] })
    expect(firstColumn('### Handler').toSorted()).toEqual(known)
  })

  it('lists every close code by number and name', () => {
    const section = README.split('### Close codes\n')[1]?.split('\n### ')[0] ?? ''
    const rows = [...section.matchAll(/^\| (\d{4}) +\| `(\w+)`/gm)].map(([, code, name]) => [
      name,
      Number(code),
    ])
    expect(Object.fromEntries(rows)).toEqual(CloseCode)
  })

  it('lists every error code', () => {
    const source = readFileSync(join(ROOT, 'src/engine/errors.ts'), 'utf8')
    const codes = [...new Set(source.match(/'ERR_\w+'/g))].map((quoted) => quoted.slice(1, -1))
    expect(firstColumn('### Error codes').toSorted()).toEqual(codes.toSorted())
  })

  it('lists every member of a connection', async () => {
    const documented = [
      ...(README.split('### Connection\n')[1]?.split('\n### ')[0] ?? '').matchAll(/^\| (.*?) \|/gm),
    ]
      .flatMap(([, cell]) => [...(cell ?? '').matchAll(/`(\w+)/g)].map(([, word]) => word ?? ''))
      .toSorted()
    const source = readFileSync(join(ROOT, 'src/engine/connection/websocket-connection.ts'), 'utf8')
    const body = source.split('export interface WebSocketConnection')[1]?.split('\n}\n')[0] ?? ''
    const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map(([, name]) => name ?? '')
    expect(documented).toEqual(members.toSorted())
  })

  it('has a usage that names every flag of `serve --help`', async () => {
    const help = await run(['serve', '--help'])
    const flags = [...help.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)]
      .map(([, flag]) => flag)
      .filter((flag) => flag !== '--help')
    expect(flags.length).toBeGreaterThan(5)
    const usage = snippet('text', 'sidewire serve [config]')
    for (const flag of flags) expect(usage).toContain(flag)
  })

  it('has a table that names every flag of `bench --help`, and every scenario', async () => {
    const help = await run(['bench', '--help'])
    const flags = [...help.matchAll(/^ +(--[\w-]+)/gm)].map(([, flag = '']) => flag)
    expect(flags.length).toBeGreaterThan(15)
    const section = README.split('## Measure\n')[1]?.split('\n## ')[0] ?? ''
    const named = [...section.matchAll(/^\| (`--.*?) +\|/gm)].flatMap(
      ([, cell = '']) => cell.match(/--[\w-]+/g) ?? [],
    )
    expect(named.toSorted()).toEqual(flags.toSorted())
    for (const [, scenario = ''] of help.matchAll(/\b(echo|fanout|connect|idle|script): /g))
      expect(section).toMatch(new RegExp(`^\\| \`${scenario}\\b`, 'm'))
  })

  it('has bench commands that work on the demo', async () => {
    const demo = new Cli(['serve', '--port', '0'], { cwd: folder })
    try {
      const { host } = new URL(await demo.started())
      const commands = snippet('sh', 'sidewire bench').trim().split('\n')
      expect(commands.length).toBe(3)
      for (const command of commands) {
        const words = command.match(/'[^']*'|\S+/g)?.map((word) => word.replace(/^'|'$/g, '')) ?? []
        const args = words.slice(2).map((word) => word.replace('localhost:8787', host))
        const bench = new Cli([...args, '--duration', '0.5', '--warmup', '0.1'], { cwd: folder })
        expect({ command, ...(await bench.exited), stderr: bench.stderr }).toMatchObject({
          command,
          code: 0,
          stderr: [],
        })
      }
      expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('</html>')
    } finally {
      demo.kill('SIGTERM')
      await demo.exited
    }
  })

  it('has a load script that works as it stands', async () => {
    writeFileSync(join(folder, 'ask.ts'), snippet('ts', 'defineScript({'))
    const server = await createServer({
      port: 0,
      wsHandlers: [
        { pattern: '/ask', onMessage: (conn, data) => void (data.type === 'ask' && conn.send(data)) },
      ],
    })
    try {
      const args = [
        'bench',
        `${server.url}/api/ask`,
        'script',
        'ask.ts',
        '--duration',
        '0.5',
        '--warmup',
        '0.1',
      ]
      const bench = new Cli(args, { cwd: folder })
      expect({ ...(await bench.exited), stderr: bench.stderr }).toMatchObject({ code: 0, stderr: [] })
      expect(bench.stdout.join('\n')).toMatch(/messages +[\d,]+ sent, [\d,]+ received$/m)
    } finally {
      await server.close()
    }
  })

  it('has a config of 15 lines that works as it stands', async () => {
    const config = snippet('ts', 'defineConfig({')
    expect(config.trim().split('\n').length).toBe(15)
    writeFileSync(join(folder, 'sidewire.config.ts'), config)
    const cli = new Cli(['serve', '--port', '0'], { cwd: folder })
    try {
      const { port } = new URL(await cli.started())
      const [alice, bob, eve] = await Promise.all(
        ['lobby', 'lobby', 'other'].map((room) => connectWs(`ws://127.0.0.1:${port}/api/ws/chat/${room}`)),
      )
      expect(await alice?.next()).toEqual({ type: 'welcome', id: expect.any(String) })
      const { id } = await bob!.next()
      alice?.json({ text: 'hi' })
      expect(await alice?.next()).toEqual({ text: 'hi' })
      expect(await bob?.next()).toEqual({ text: 'hi' })
      bob?.close(4000)
      expect(await alice?.next()).toEqual({ type: 'left', id })
      expect(await eve?.next()).toMatchObject({ type: 'welcome' })
    } finally {
      cli.kill('SIGTERM')
      expect((await cli.exited).code).toBe(0)
    }
  })

  it('has a program that works as it stands', async () => {
    writeFileSync(join(folder, 'program.mjs'), snippet('ts', 'createServer({'))
    const child = spawn(process.execPath, ['program.mjs'], { cwd: folder })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk) => (output[name] += chunk))
    const code = await within(
      new Promise((resolve) => child.once('close', resolve)),
      'the program did not end',
    )
    expect({ code, ...output }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/api\/ws\/orders\n$/),
      // One line, where uws has no binary for this Node.
      stderr: NODE_RUNTIME === 'uws' ? '' : expect.stringMatching(/^.*so ws serves instead.*\n$/),
    })
  })

  it('names files that exist', () => {
    for (const [, path = ''] of README.matchAll(/\]\((?!http)([^)#]+)\)/g))
      expect(readFileSync(join(ROOT, path)).length).toBeGreaterThan(0)
  })
})

async function run(args: string[]): Promise<string> {
  const cli = new Cli(args, { cwd: ROOT })
  await cli.exited
  return cli.stdout.join('\n')
}
