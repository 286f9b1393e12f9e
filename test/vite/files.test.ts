import type { EventEmitter } from 'node:events'
import { renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { universalApi } from '../../src/index.ts'
import { connectWs } from '../support/client.ts'
import { dev, echo, preview, project, VITES, write } from './rig.ts'

const handler = (pattern: string, says: string): string =>
  `export default { pattern: '${pattern}', onConnect: (conn) => void conn.send({ hello: '${says}' }), onMessage: (conn) => void conn.send({ answer: '${says}' }) }`

/** What a new client is greeted with, or the status that it is refused with. */
async function greeting(url: string): Promise<string> {
  try {
    const client = await connectWs(url)
    const { hello } = await client.next()
    client.terminate()
    return hello
  } catch (error) {
    return (error as Error).message.replace(/^.*: /, '')
  }
}

/** Writes a file, once, and looks until it is seen. */
function edit(root: string, file: string, text: string, look: () => unknown): ReturnType<typeof expect.poll> {
  write(root, file, text)
  return expect.poll(look, { message: text, interval: 20 })
}

describe.each(VITES)('$name', ({ load }) => {
  const FILES = {
    'src/names.ts':
      "export enum Name { Chat = 'from TypeScript' }\nexport const greet = (name: string): string => `hi ${name}`",
    'mocks/chat.ws.ts': `
      import { greet, Name } from '@/names'
      export default { pattern: '/ws/chat', onConnect: (conn: { send(data: unknown): void }) => { conn.send({ hello: greet(Name.Chat) }) } }`,
    'mocks/deep/er/list.ws.mjs': `
      const one = (name) => ({ pattern: '/ws/' + name, onConnect: (conn) => void conn.send({ hello: name }) })
      export default [one('a'), one('b')]`,
    'mocks/plain.ws.js': handler('/ws/js', 'js'),
    'mocks/module.ws.mts': handler('/ws/mts', 'mts'),
    'mocks/helper.ts': 'throw new Error("is no handler file")',
    'mocks/node_modules/x/no.ws.js': 'throw new Error("is not ours")',
  }

  for (const start of [dev, preview]) {
    test(`${start.name} loads TypeScript, aliases, lists and folders`, async () => {
      const root = project(FILES)
      const plugin = universalApi({ wsDir: 'mocks', wsHandlers: [echo('/ws/inline', 'inline')] })
      const resolve = { alias: { '@': join(root, 'src') } }
      const { url, terminal } = await start(await load(), { root, plugins: [plugin], resolve })
      const found = await Promise.all(
        ['chat', 'a', 'b', 'js', 'mts', 'inline', 'none'].map((name) => greeting(`${url}/api/ws/${name}`)),
      )
      expect(found).toEqual(['hi from TypeScript', 'a', 'b', 'js', 'mts', 'inline', '404'])
      expect(terminal.text).not.toMatch(/error/i)
    })
  }

  test('handlers of the configuration come first, then those of the files in the order of their paths', async () => {
    const root = project({
      'mocks/b.ws.js': handler('/ws/{b}', 'b'),
      'mocks/a/z.ws.js': handler('/ws/z{z}', 'z'),
      'mocks/c.ws.js': handler('/ws/z-last', 'c'),
    })
    const plugin = universalApi({ wsDir: 'mocks', wsHandlers: [echo('/ws/zz*', 'inline')] })
    const { url } = await dev(await load(), { root, plugins: [plugin] })
    const names = ['zz', 'z-last', 'other']
    const found = await Promise.all(names.map((name) => greeting(`${url}/api/ws/${name}`)))
    expect(found).toEqual(['inline', 'z', 'b'])
  })

  test('files added, changed, renamed and removed; connections, rooms and metadata stay', async () => {
    const room = (answer: string): string => `
      import { suffix } from './lib/suffix.ts'
      export default {
        pattern: '/ws/room',
        onConnect: (conn) => { conn.metadata.n = 0; conn.joinRoom('r'); conn.send({ hello: 'room' }) },
        onMessage: (conn) => { conn.send({ answer: '${answer}' + suffix, n: ++conn.metadata.n, rooms: conn.getRooms() }) },
      }`
    const root = project({
      'mocks/room.ws.ts': room('one'),
      'mocks/lib/suffix.ts': "export const suffix = '!'",
    })
    const plugin = universalApi({ wsDir: './mocks', wsHandlers: [echo('/ws/inline', 'inline')] })
    const { url } = await dev(await load(), { root, plugins: [plugin] })
    const client = await connectWs(`${url}/api/ws/room`)
    const inline = await connectWs(`${url}/api/ws/inline`)
    await client.next()
    const [{ id } = { id: '' }] = plugin.api.connections.filter(({ path }) => path.includes('room')) as {
      id: string
    }[]
    let n = 0
    const answers = async (): Promise<string> => {
      client.json('?')
      const { answer, ...rest } = await client.next()
      expect(rest).toEqual({ n: ++n, rooms: ['r'] })
      return answer
    }
    expect(await answers()).toBe('one!')
    await edit(root, 'mocks/room.ws.ts', room('two'), answers).toBe('two!')
    await edit(root, 'mocks/lib/suffix.ts', "export const suffix = '?'", answers).toBe('two?')
    await edit(root, 'mocks/new.ws.js', handler('/ws/new', 'new'), () => greeting(`${url}/api/ws/new`)).toBe(
      'new',
    )
    renameSync(join(root, 'mocks/new.ws.js'), join(root, 'mocks/renamed.ws.js'))
    await expect.poll(() => plugin.api.connections.length).toBe(2)
    await expect.poll(() => greeting(`${url}/api/ws/new`)).toBe('new')
    const leaving = await connectWs(`${url}/api/ws/new`)
    rmSync(join(root, 'mocks/renamed.ws.js'))
    expect(await leaving.closed).toMatchObject({ code: 1001 })
    expect(await greeting(`${url}/api/ws/new`)).toBe('404')
    plugin.api.publish('/ws/room', { to: 'room' }, { rooms: ['r'] })
    expect(await client.next()).toEqual({ to: 'room' })
    expect(plugin.api.connections.map((connection) => connection.id)).toContain(id)
    await inline.next()
    inline.json(1)
    expect(await inline.next()).toEqual({ inline: 1 })
    expect(plugin.api.stats()).toMatchObject({ connections: 2 })
  })

  test('a file that is written in parts is served whole, and no part of it is an error', async () => {
    const root = project({
      'mocks/a.ws.js': handler('/ws/a', 'whole 0'),
      'mocks/lib.js': "export const says = 'whole lib'",
    })
    let file = 'mocks/a.ws.js'
    /** What is still to be written. */
    let parts: string[] = []
    const next = (): void => {
      const part = parts.shift()
      if (part !== undefined) write(root, file, part)
    }
    const reads: string[] = []
    const writer = {
      name: 'writer',
      enforce: 'pre' as const,
      /** Whoever reads a part does so in a pause, which ends now: longer than any patience before reading. */
      transform(code: string, id: string): void {
        if (!id.endsWith(file)) return
        reads.push(code)
        next()
      },
    }
    const plugins = [writer, universalApi({ wsDir: 'mocks' })]
    const { url, terminal, server } = await dev(await load(), { root, plugins })
    const importing = `import { says } from './lib.js'\nexport default { pattern: '/ws/a', onConnect: (conn) => void conn.send({ hello: says }) }`
    await edit(root, 'mocks/a.ws.js', importing, () => greeting(`${url}/api/ws/a`)).toBe('whole lib')
    let n = 0
    for (const [name, slices, pause] of [
      ['mocks/lib.js', [0, 0.5], 'read'],
      ['mocks/a.ws.js', [0.5], 'read'],
      ['mocks/a.ws.js', [0], 'read'],
      // Longer, all in all, than the watcher takes two changes for one, and than an error waits to be said.
      ['mocks/a.ws.js', [0, 0.2, 0.4, 0.6, 0.8, 0.9], 'read'],
      ['mocks/a.ws.js', [0.5], 'event'],
      ['mocks/a.ws.js', [0, 0.3, 0.6, 0.9], 'none'],
    ] as const) {
      file = name
      const says = `whole ${++n}`
      const text = name === 'mocks/lib.js' ? `export const says = '${says}'` : handler('/ws/a', says)
      parts = [...slices.map((slice) => text.slice(0, slice * text.length)), text]
      reads.length = 0
      if (pause === 'event') server.watcher.once('change', next)
      next()
      if (pause === 'none') parts.slice().forEach(next)
      await expect.poll(() => greeting(`${url}/api/ws/a`), { message: says }).toBe(says)
      expect(parts).toEqual([])
      expect(reads.at(-1)).toBe(text)
    }
    expect(terminal.text).not.toMatch(/error|in order again/i)
  })

  test('a file that is made during the first look of the watcher, which does not tell of it, is served', async () => {
    const root = project({ 'mocks/a.ws.js': handler('/ws/a', 'first') })
    const deaf = {
      name: 'deaf',
      enforce: 'post' as const,
      configureServer({ watcher }: { watcher: EventEmitter }): void {
        const emit = watcher.emit.bind(watcher)
        watcher.emit = (event, ...args) => event !== 'add' && emit(event, ...args)
      },
    }
    const { url } = await dev(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' }), deaf] })
    await edit(root, 'mocks/b.ws.js', handler('/ws/b', 'second'), () =>
      greeting(`${url}/api/ws/b`).catch(() => undefined),
    ).toBe('second')
  })

  test('a writer who never leaves a broken file alone is told so', async () => {
    const root = project({ 'mocks/a.ws.js': handler('/ws/a', 'good') })
    let n = 0
    let isWriting = true
    const writer = {
      name: 'writer',
      transform(code: string, id: string): void {
        if (isWriting && id.endsWith('a.ws.js') && code.includes('broken'))
          write(root, 'mocks/a.ws.js', `throw new Error('broken') // ${n++}`)
      },
    }
    const plugins = [writer, universalApi({ wsDir: 'mocks' })]
    const { url, terminal } = await dev(await load(), { root, plugins })
    await edit(root, 'mocks/a.ws.js', "throw new Error('broken')", () => terminal.text).toMatch(
      /mocks\/a\.ws\.js has an error, its last good version stays: .*broken/,
    )
    isWriting = false
    expect(n).toBeGreaterThan(1)
    expect(await greeting(`${url}/api/ws/a`)).toBe('good')
    await edit(root, 'mocks/a.ws.js', handler('/ws/a', 'mended'), () => greeting(`${url}/api/ws/a`)).toBe(
      'mended',
    )
  })

  test('a file that waits for ever at its top level is said, and keeps nobody from closing', async () => {
    const root = project({ 'mocks/a.ws.js': handler('/ws/a', 'good') })
    const { server, url, terminal } = await dev(await load(), {
      root,
      plugins: [universalApi({ wsDir: 'mocks' })],
    })
    await edit(root, 'mocks/a.ws.js', 'await new Promise(() => {})', () => terminal.text).toMatch(
      /the handler files are still loading after 5 s: does one of them await something at its top level\?/,
    )
    expect(await greeting(`${url}/api/ws/a`)).toBe('good')
    await server.close()
    expect(terminal.text).not.toMatch(/error/i)
  })

  test('errors keep what was good, are said once, and go away', async () => {
    const root = project({
      'mocks/a.ws.js': handler('/ws/a', 'a1'),
      'mocks/b.ws.js': handler('/ws/b', 'b1'),
    })
    const plugin = universalApi({ wsDir: 'mocks', wsHandlers: [echo('/ws/inline', 'inline')] })
    const { url, terminal } = await dev(await load(), { root, plugins: [plugin] })
    const kinds: [string, RegExp][] = [
      ['export default { pattern: ', /mocks\/a\.ws\.js has an error/],
      ["throw new Error('at the top')", /at the top/],
      ["import './missing.js'; export default { pattern: '/ws/a' }", /missing\.js/],
      ["export default { pattern: '/ws/a', onMesage() {} }", /unknown option "wsHandlers\[0\]\.onMesage"/],
      ['export const handler = {}', /default export is no handler/],
      [handler('/ws/b', 'thief'), /"\/ws\/b" is also one of mocks\/b\.ws\.js/],
      [handler('ws/inline', 'thief'), /"ws\/inline" is also one of the configuration/],
      [handler('/ws/{', 'x'), /pattern/],
    ]
    for (const [text, said] of kinds) {
      const before = terminal.lines.length
      const since = (): string[] => terminal.lines.slice(before)
      const errors = (): string[] => since().filter((line) => /error/i.test(line))
      await edit(root, 'mocks/a.ws.js', text, () => errors().join('\n')).toMatch(
        /mocks\/[ab]\.ws\.js has an error/,
      )
      expect(errors().join('\n')).toMatch(said)
      expect(errors()).toHaveLength(1)
      expect(await greeting(`${url}/api/ws/a`)).toBe('a1')
      expect(await greeting(`${url}/api/ws/inline`)).toBe('inline')
      // The other files go on, in both directions.
      await edit(root, 'mocks/b.ws.js', handler('/ws/b', `b${before}`), () =>
        greeting(`${url}/api/ws/b`),
      ).toBe(`b${before}`)
      expect(errors()).toHaveLength(1)
      await edit(root, 'mocks/a.ws.js', handler('/ws/a', 'a1'), () => since().join('\n')).toContain(
        'in order again',
      )
      expect(since().filter((line) => line.includes('in order again'))).toHaveLength(1)
    }
    await edit(
      root,
      'mocks/a.ws.js',
      "import { says } from './later.js'\nexport default { pattern: '/ws/a', onConnect: (conn) => conn.send({ hello: says }) }",
      () => terminal.text,
    ).toContain('later.js')
    await edit(root, 'mocks/later.js', "export const says = 'mended by a new file'", () =>
      greeting(`${url}/api/ws/a`),
    ).toBe('mended by a new file')
  })

  test('an error at the start, and a folder that is not there yet', async () => {
    const vite = await load()
    const broken = project({
      'mocks/a.ws.js': handler('/ws/inline', 'twin'),
      'mocks/b.ws.js': handler('/ws/b', 'b'),
    })
    const first = universalApi({ wsDir: 'mocks', wsHandlers: [echo('/ws/inline', 'inline')] })
    const one = await dev(vite, { root: broken, plugins: [first] })
    expect(one.terminal.text).toMatch(
      /mocks\/a\.ws\.js has an error, it is left out until it is mended: .*also one of the configuration/,
    )
    expect(await greeting(`${one.url}/api/ws/inline`)).toBe('inline')
    expect(await greeting(`${one.url}/api/ws/b`)).toBe('b')
    await edit(broken, 'mocks/a.ws.js', handler('/ws/a', 'a'), () => greeting(`${one.url}/api/ws/a`)).toBe(
      'a',
    )

    const empty = project()
    const two = await dev(vite, { root: empty, plugins: [universalApi({ wsDir: 'mocks' })] })
    expect(two.terminal.text).toMatch(
      /mocks has an error, it has no handlers: option "wsDir" is \S+, and there is no such folder; its handlers are served as soon/,
    )
    expect(two.terminal.count('wsDir')).toBe(1)
    expect(await greeting(`${two.url}/api/ws/a`)).toBe('404')
    await edit(empty, 'mocks/a.ws.js', handler('/ws/a', 'a'), () => greeting(`${two.url}/api/ws/a`)).toBe('a')
    expect(two.terminal.text).toContain('in order again')
  })

  test('a preview of a folder that is not there, and of a file in CommonJS', async () => {
    const vite = await load()
    const one = await preview(vite, { root: project(), plugins: [universalApi({ wsDir: 'mocks' })] })
    expect(one.terminal.text).toMatch(
      /mocks has an error, it has no handlers: .* no such folder; make it, or leave wsDir out/,
    )
    const root = project({ 'mocks/a.ws.js': `module.exports = { pattern: '/ws/a' }` })
    const two = await preview(vite, { root, plugins: [universalApi({ wsDir: 'mocks' })] })
    expect(two.terminal.text).toMatch(/mocks\/a\.ws\.js has an error, it is left out: /)
    expect(two.terminal.text).toContain('Handler files are ES modules: write import and export default.')
  })

  const LINKS = [
    { what: 'wsDir itself', link: 'mocks' },
    { what: 'wsDir itself, to outside of the project', link: 'mocks', isOutside: true },
    { what: 'a folder in it', link: 'mocks/linked' },
    { what: 'a folder in it, to outside of the project', link: 'mocks/linked', isOutside: true },
    { what: 'a handler file', link: 'mocks/a.ws.js' },
    { what: 'a folder that a handler file imports from', link: 'mocks/lib', file: 'says.js' },
  ]
  test.each(LINKS)('a symbolic link is pointed elsewhere: $what', async (row) => {
    const { link, file = 'a.ws.js', isOutside } = row
    const root = project({ 'mocks/x.txt': '' })
    const elsewhere = isOutside ? project() : root
    const isLibrary = file === 'says.js'
    const put = (n: number, says: string): void =>
      write(elsewhere, `v${n}/${file}`, isLibrary ? `export const says = '${says}'` : handler('/ws/a', says))
    if (isLibrary)
      write(
        root,
        'mocks/a.ws.js',
        `import { says } from './lib/says.js'\nexport default { pattern: '/ws/a', onConnect: (conn) => void conn.send({ hello: says }) }`,
      )
    const isFile = link.endsWith(file)
    const point = (n: number): void => {
      rmSync(join(root, link), { recursive: true, force: true })
      symlinkSync(
        join(elsewhere, `v${n}`, isFile ? file : ''),
        join(root, link),
        isFile ? 'file' : 'junction',
      )
    }
    put(1, 'one')
    put(2, 'two')
    point(1)
    const { url, terminal } = await dev(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' })] })
    const patience = { interval: 20, timeout: 10_000 }
    const greetings = (name: string) => () => greeting(`${url}/api/ws/${name}`)
    expect(await greetings('a')()).toBe('one')
    for (const [n, says] of [
      [2, 'two'],
      [1, 'one'],
      [2, 'two'],
    ] as const) {
      point(n)
      await expect.poll(greetings('a'), patience).toBe(says)
    }
    // What is behind it now is watched as it was before.
    put(2, 'changed')
    await expect.poll(greetings('a'), patience).toBe('changed')
    if (!isFile) {
      write(elsewhere, 'v2/deep/b.ws.js', handler('/ws/b', 'added'))
      await expect.poll(greetings('b'), patience).toBe('added')
      rmSync(join(elsewhere, 'v2/deep/b.ws.js'))
      await expect.poll(greetings('b'), patience).toBe('404')
    }
    expect(terminal.text).not.toMatch(/error|in order again/i)
  })

  for (const start of [dev, preview]) {
    test(`${start.name} imports TypeScript packages, linked and installed`, async () => {
      const manifest = (name: string): string =>
        JSON.stringify({ name, type: 'module', exports: './src/index.ts' })
      const source = (name: string): string =>
        `enum Kind { A = 3 }\nexport const says: string = '${name} ' + Kind.A`
      const importing = (name: string): string =>
        `import { says } from '${name}'; export default { pattern: '/ws/${name}', onConnect: (conn: any) => void conn.send({ hello: says }) }`
      const root = project({
        'packages/linked/package.json': manifest('linked'),
        'packages/linked/src/index.ts': source('linked'),
        'node_modules/installed/package.json': manifest('installed'),
        'node_modules/installed/src/index.ts': source('installed'),
        'mocks/linked.ws.ts': importing('linked'),
        'mocks/installed.ws.ts': importing('installed'),
      })
      symlinkSync('../packages/linked', join(root, 'node_modules/linked'), 'junction')
      const { url } = await start(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' })] })
      expect(await greeting(`${url}/api/ws/linked`)).toBe('linked 3')
      expect(await greeting(`${url}/api/ws/installed`)).toBe('installed 3')
    })
  }
})

test('mock files beside the others: added, changed, broken and removed; connections stay', async () => {
  // They are read by us: one Vite shows it.
  const { load } = VITES.at(-1)!
  const yaml = (says: string): string =>
    `pattern: /ws/yaml\nscenario:\n  connect: { send: { hello: ${says} } }\n  on: [{ when: ask, reply: { send: ${says} } }]\n`
  const root = project({ 'mocks/a.ws.js': handler('/ws/a', 'a'), 'mocks/b.ws.yaml': yaml('one') })
  const { url, terminal } = await dev(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' })] })
  expect(await greeting(`${url}/api/ws/a`)).toBe('a')
  const client = await connectWs(`${url}/api/ws/yaml`)
  const ask = (): Promise<unknown> => {
    client.send('ask')
    return client.next()
  }
  expect([await client.next(), await ask()]).toEqual([{ hello: 'one' }, 'one'])
  await edit(root, 'mocks/b.ws.yaml', yaml('two'), () => greeting(`${url}/api/ws/yaml`)).toBe('two')
  expect(await ask()).toBe('two')
  await edit(root, 'mocks/b.ws.yaml', `${yaml('bad')}  evry: []\n`, () => terminal.text).toMatch(
    /mocks\/b\.ws\.yaml has an error, its last good version stays: .*b\.ws\.yaml:5: unknown option "scenario\.evry"; did you mean "every"\?/,
  )
  expect(await ask()).toBe('two')
  await edit(root, 'mocks/b.ws.yaml', yaml('three'), () => greeting(`${url}/api/ws/yaml`)).toBe('three')
  const json = JSON.stringify({ pattern: '/ws/json', scenario: { connect: { send: { hello: 'json' } } } })
  await edit(root, 'mocks/deep/c.ws.json', json, () => greeting(`${url}/api/ws/json`)).toBe('json')
  rmSync(join(root, 'mocks/b.ws.yaml'))
  await expect.poll(() => greeting(`${url}/api/ws/yaml`), { interval: 20 }).toBe('404')
  const api = (says: string): string =>
    JSON.stringify({
      asyncapi: '3.1.0',
      info: { title: 'Server', version: '1' },
      channels: { a: { address: '/ws/api', messages: { hello: { payload: { const: { hello: says } } } } } },
      operations: { say: { action: 'send', channel: { $ref: '#/channels/a' } } },
    })
  await edit(root, 'mocks/d.asyncapi.json', api('api'), () => greeting(`${url}/ws/api`)).toBe('api')
  expect(terminal.text).toContain('d.asyncapi.json is taken for the document of the server')
  // Said once, however often it is read: a log in the project is a file of the project.
  await edit(root, 'mocks/e.asyncapi.json', api('twin'), () => terminal.text).toMatch(
    /mocks\/e\.asyncapi\.json has an error, .*the pattern "\/ws\/api" is also one of mocks\/d\.asyncapi\.json/,
  )
  for (let n = 0; n < 3; n++) {
    const before = terminal.count('in order again')
    await edit(root, 'dev.log', `${n}`, () => greeting(`${url}/ws/api`)).toBe('api')
    expect(terminal.count('in order again')).toBe(before)
  }
  expect(terminal.count('e.asyncapi.json is taken for')).toBe(1)
  rmSync(join(root, 'mocks/e.asyncapi.json'))
  await expect.poll(() => terminal.text).toMatch(/in order again\n?[^]*$/)
  await edit(root, 'mocks/d.asyncapi.json', api('changed'), () => greeting(`${url}/ws/api`)).toBe('changed')
  const shown = await preview(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' })] })
  expect(await greeting(`${shown.url}/api/ws/json`)).toBe('json')
})
