import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { endAll, project, ROOT } from '../cli/cli.ts'
import { Machine } from './machine.ts'

afterEach(endAll)

// How `npm test` comes by the programs that it needs, and what it says where it cannot.

const WITHOUT = 'the tests run without that proof, and their summary says so'
const PLAN = `echo '0 upgraded, 3 newly installed, 0 to remove and 7 not upgraded.
Need to get 1,5 MB/9,8 MB of archives.
After this operation, 12,3 MB of additional disk space will be used.'; exit 1`

describe('scripts/strace.mjs', () => {
  const strace = (machine: Machine): ReturnType<Machine['run']> => machine.run('scripts/strace.mjs')

  test('one that may trace is all that it takes', () => {
    const machine = new Machine().has('strace', 'exit 0').hasApt()
    expect(strace(machine)).toMatchObject({
      status: 0,
      stdout: `strace: ${join(machine.bin, 'strace')} is here, nothing to do\n`,
      stderr: '',
    })
    expect(machine.asked).toEqual([])
  })

  test('one that may not trace is a line and the exit code 1', () => {
    const forbidden = 'echo "strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted" >&2; exit 1'
    expect(strace(new Machine().has('strace', forbidden))).toMatchObject({
      status: 1,
      stderr: `strace: it may not trace a process here (ptrace): ${WITHOUT}\n`,
    })
  })

  test.each<[string, () => Machine, string]>([
    ['there is no apt-get', () => new Machine(), 'there is no apt-get here'],
    ['nobody is root', () => new Machine({}, false).hasApt(), 'installing needs root'],
    [
      'sudo wants a password',
      () => new Machine({}, false).hasApt().has('sudo', 'exit 1'),
      'installing needs root',
    ],
    [
      'SIDEWIRE_INSTALL is "no"',
      () => new Machine({ SIDEWIRE_INSTALL: 'no' }).hasApt(),
      'SIDEWIRE_INSTALL is "no"',
    ],
  ])('where %s, nothing is tried, and the line says why', (_where, create, why) => {
    const machine = create()
    const { status, stdout, stderr } = strace(machine)
    expect(stderr).toContain(`strace: none found (it shows whom a process calls), and ${why}: ${WITHOUT}`)
    expect([status, stdout, machine.asked]).toEqual([1, '', []])
  })

  test('what is installed is said before, with how much and how to do without', () => {
    const machine = new Machine()
    const file = join(machine.bin, 'strace')
    machine.hasApt({ plan: PLAN, install: `echo '#!/bin/sh' > '${file}'; chmod +x '${file}'` })
    const { status, stdout, stderr } = strace(machine)
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout.trim().split('\n')).toEqual([
      'strace: none found (it shows whom a process calls); asking apt-get what the package strace would bring',
      `strace: installing the package strace with apt-get: 3 packages, 1,5 MB/9,8 MB to download, 12,3 MB on disk. ` +
        `To do without: ${WITHOUT} (so they do with SIDEWIRE_INSTALL=no)`,
      `strace: installed ${file}`,
    ])
    expect(machine.asked).toEqual([
      'update',
      'install --no-install-recommends strace --assume-no',
      'install --no-install-recommends strace --yes',
    ])
  })

  test('who may use sudo without a password needs not be root', () => {
    const machine = new Machine({}, false)
    const file = join(machine.bin, 'strace')
    machine
      .has('sudo', '[ "$2" = true ] && exit 0; shift; exec "$@"')
      .hasApt({ plan: PLAN, install: `echo '#!/bin/sh' > '${file}'; chmod +x '${file}'` })
    expect(strace(machine)).toMatchObject({ status: 0, stderr: '' })
    expect(machine.asked).toHaveLength(3)
  })

  test.each([
    [
      'update',
      { update: 'echo "E: no network" >&2; exit 100' },
      'apt-get update failed, see above',
      'E: no network',
    ],
    [
      'install',
      { install: 'echo "E: no room" >&2; exit 100' },
      'apt-get install failed, see above',
      'E: no room',
    ],
    // Ubuntu's package of Chromium brings a program of another name, say.
    ['nothing', {}, 'apt-get installed no strace on PATH', ''],
  ])('an apt-get that fails is shown (%s)', (_what, apt, line, words) => {
    const { status, stderr } = strace(new Machine().hasApt(apt))
    expect(status).toBe(1)
    expect(stderr).toContain(words)
    expect(stderr).toContain(`strace: ${line}: ${WITHOUT}`)
  })
})

describe('scripts/chromium.mjs', () => {
  const chromium = (machine: Machine): ReturnType<Machine['run']> => machine.run('scripts/chromium.mjs')
  const CURE = 'set CHROMIUM_PATH to the executable of a Chromium or Chrome'

  test('CHROMIUM_PATH comes before everything else', () => {
    const other = new Machine().has('my-chrome', 'exit 0')
    const path = join(other.bin, 'my-chrome')
    const machine = new Machine({ CHROMIUM_PATH: path }).has('chromium', 'exit 0').hasApt()
    expect(chromium(machine)).toMatchObject({
      status: 0,
      stdout: `chromium: ${path} is here, nothing to do\n`,
      stderr: '',
    })
    expect(machine.asked).toEqual([])
  })

  test('a CHROMIUM_PATH that is wrong is said, and nothing is installed in its place', () => {
    const { bin } = new Machine()
    writeFileSync(join(bin, 'text'), '')
    for (const path of [join(bin, 'nowhere'), join(bin, 'text'), bin]) {
      const machine = new Machine({ CHROMIUM_PATH: path }).has('chromium', 'exit 0').hasApt()
      expect(chromium(machine)).toMatchObject({
        status: 1,
        stderr: `chromium: CHROMIUM_PATH is ${path}, which is no executable file: correct or unset it\n`,
      })
      expect(machine.asked).toEqual([])
    }
  })

  test('CHROMIUM_PATH is named before an installation, and where there can be none', () => {
    const machine = new Machine().hasApt({ plan: PLAN, install: 'exit 100' })
    expect(chromium(machine).stdout).toContain(
      `installing the package chromium with apt-get: 3 packages, 1,5 MB/9,8 MB to download, 12,3 MB on disk. To do without: ${CURE}\n`,
    )
    expect(chromium(new Machine())).toMatchObject({
      status: 1,
      stderr: `chromium: none found (the tests in a browser need one), and there is no apt-get here: ${CURE}\n`,
    })
  })
})

describe('scripts/nodes.mjs', () => {
  /** A project that asks for Node 22, and an npm that does as it is told. */
  function ask(
    env: Readonly<Record<string, string>>,
    npm: string,
    prepare: (machine: Machine) => void = () => {},
  ): ReturnType<Machine['run']> {
    const folder = project({
      'main.mjs': `import { bringNode } from './scripts/nodes.mjs'
        console.log(JSON.stringify(bringNode(22)))`,
      'npm.mjs': `import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
        import { dirname } from 'node:path'
        const words = process.argv.slice(2)
        const file = \`\${words[words.indexOf('--prefix') + 1]}/node_modules/\${words.at(-1).replace('@22', '')}/bin/node\`
        ${npm}`,
    })
    cpSync(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true })
    const machine = new Machine({ npm_execpath: join(folder, 'npm.mjs'), ...env })
    prepare(machine)
    return machine.run('main.mjs', folder)
  }
  const said = ({ stdout }: { readonly stdout: string }): unknown =>
    JSON.parse(stdout.trim().split('\n').at(-1)!)

  test('npm brings the binary, and how much that is is said before', () => {
    const ran = ask(
      {},
      `mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, '#!/bin/sh\\necho v22.99.0\\n')
      chmodSync(file, 0o755)`,
    )
    expect(ran.stdout).toMatch(
      /^nodes: fetching the package node-\S+@22 into node_modules\/\.cache \(about 45 MB/,
    )
    expect(said(ran)).toEqual({ command: expect.stringContaining('bin/node'), version: '22.99.0' })
  })

  const NEEDS_LIBRARY = `mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, \`#!/bin/sh
    if [ -e "\${process.env.PATH}/libatomic" ]; then echo v22.99.0; else
    echo "node: error while loading shared libraries: libatomic.so.1: cannot open" >&2; exit 127; fi\`)
    chmodSync(file, 0o755)`

  test('the library that a binary wants is installed, with how much that is', () => {
    const ran = ask({}, NEEDS_LIBRARY, (machine) => {
      machine.hasApt({ plan: PLAN, install: `echo > '${join(machine.bin, 'libatomic')}'` })
    })
    expect(ran.stdout).toContain('libatomic1: installing the package libatomic1 with apt-get: 3 packages')
    expect(said(ran)).toEqual({ command: expect.stringContaining('bin/node'), version: '22.99.0' })
  })

  test('where it cannot be installed, the reason names it', () => {
    const { why } = said(ask({}, NEEDS_LIBRARY)) as { why: string }
    expect(why).toMatch(
      /bin\/node does not start \(node: error while loading .+libatomic\.so\.1.+\); libatomic1: none found .+ there is no apt-get here/,
    )
  })

  test('what npm cannot bring has a reason and a cure', () => {
    const { why } = said(ask({}, `console.error('npm error code ENOTFOUND'); process.exit(1)`)) as {
      why: string
    }
    expect(why).toMatch(
      /^npm could not bring node-\S+@22 \(npm error code ENOTFOUND\): run the suite with that Node itself$/,
    )
    expect(said(ask({ SIDEWIRE_INSTALL: 'no' }, 'throw new Error("asked")'))).toEqual({
      why: 'SIDEWIRE_INSTALL is "no": run the suite with that Node itself',
    })
  })
})

describe('scripts/test.mjs', () => {
  const BUN_VERSION: string = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).devDependencies.bun

  /** A project with the scripts, and one test that knows what is not proven. */
  function clone(unproven: string): string {
    const folder = project({
      'package.json': JSON.stringify({
        type: 'module',
        tsup: { entry: ['main.js'] },
        devDependencies: { bun: BUN_VERSION },
      }),
      'main.js': 'export {}',
      'vitest.config.js': 'export default { test: { cache: false } }',
      'a.test.js': `import { expect, test } from 'vitest'
        test('knows', () => expect(process.env.SIDEWIRE_UNPROVEN.split(' ')).toContain('${unproven}'))`,
    })
    cpSync(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true })
    mkdirSync(join(folder, 'node_modules'))
    for (const name of ['bun', 'tsup', 'vitest'])
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), 'junction')
    return folder
  }

  /** Nothing is installed, and the one program that has to be there is. */
  function machine(): Machine {
    const { bin } = new Machine().has('chrome', 'exit 0')
    return new Machine({ SIDEWIRE_INSTALL: 'no', CHROMIUM_PATH: join(bin, 'chrome') })
  }

  test.each<[string, () => Machine]>([
    ['there is no strace', machine],
    ['strace may not trace', () => machine().has('strace', 'exit 1')],
  ])('where %s, the summary says what is not proven, and the run is green', (_where, create) => {
    const { status, stdout } = create().run('scripts/test.mjs', clone('network'))
    expect(stdout).toMatch(
      /\n! NOT PROVEN on this machine: that nothing calls anybody \(strace is missing or may not trace: see above\)\n/,
    )
    expect(stdout).toMatch(/\n2 passed, 0 failed, 0 skipped\n$/)
    expect(status).toBe(0)
  })

  test('where uWebSockets.js has no binary, the summary says so, and the run is green', () => {
    const folder = clone('uws')
    writeFileSync(join(folder, 'scripts/uws-hashes.json'), JSON.stringify({ package: 'uws-x@1', files: {} }))
    const { status, stdout } = machine().run('scripts/test.mjs', folder)
    const { platform, arch, versions } = process
    expect(stdout).toContain(
      `\n! NOT PROVEN on this machine: the runtime uws, whose place ws has taken ` +
        `(uws-x@1 has no binary for Node ${versions.node} on ${platform}-${arch})\n`,
    )
    expect(stdout).toMatch(/\n2 passed, 0 failed, 0 skipped\n$/)
    expect(status).toBe(0)
  })

  test('other versions of Node that cannot be had are not proven, and the run is green', () => {
    const { status, stdout } = machine().run('scripts/test.mjs', clone('network'))
    const others = [20, 22, 24, 26].filter((major) => major !== Number(process.versions.node.split('.')[0]))
    for (const major of others)
      expect(stdout).toContain(
        `\n! NOT PROVEN on this machine: the contract on Node ${major} (SIDEWIRE_INSTALL is "no": `,
      )
    expect(stdout).toMatch(/\n2 passed, 0 failed, 0 skipped\n$/)
    expect(status).toBe(0)
  })

  test('without a Chromium nothing runs, and the run is red', () => {
    const { status, stdout, stderr } = new Machine().run('scripts/test.mjs', clone(''))
    expect(stderr).toContain('set CHROMIUM_PATH to the executable')
    expect(stdout).toMatch(/\n✗ No Chromium: see above\n0 passed, 1 failed, 0 skipped\n$/)
    expect(status).toBe(1)
  })
})
