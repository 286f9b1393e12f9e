import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cli, endAll, project, type Target } from '../cli/cli.ts'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
import { connectWs } from '../support/client.ts'
import { freshClone } from './fresh-clone.ts'

afterEach(endAll)

// The first command of the README, and its like for Bun.
test.each<[string, Target['runtime']]>([
  ['npm start', NODE_RUNTIME],
  ['npm run mock', 'bun'],
])('%s in a fresh clone builds what it needs and serves the demo until Ctrl-C', async (line, runtime) => {
  const [command = '', script = '', ...words] = line.split(' ')
  const clone = freshClone(project())
  const npm = new Cli([...words, '--', '--port', '0'], {
    cwd: clone,
    target: { runtime, command },
    script,
    group: true,
  })
  const url = await npm.started()
  expect(npm.stdout.join('\n')).toContain(`(runtime ${runtime})`)
  // They take most of a build's time, and nobody reads them here.
  expect(existsSync(join(clone, 'dist/index.d.ts'))).toBe(false)

  const page = new URL('/', url.replace('ws', 'http'))
  const answer = await fetch(page)
  expect(answer.status).toBe(200)
  expect(await answer.text()).toContain('<title>')
  const alice = await connectWs(url)
  expect(await alice.next()).toMatchObject({ type: 'connected' })

  npm.kill('SIGINT')
  expect((await alice.closed).code).toBe(1001)
  await npm.exited
  await expect(fetch(page)).rejects.toThrow('fetch failed')
})
