import { cpSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DIST, project, ROOT } from './cli.ts'

/** An installation of sidewire whose uWebSockets.js has no binary for this machine, in a project with these files. */
export function installWithoutNative(files: Readonly<Record<string, string>> = {}): {
  cwd: string
  script: string
} {
  const cwd = project({
    ...files,
    'node_modules/sidewire/package.json':
      '{ "name": "sidewire", "version": "1.2.3", "type": "module", "exports": "./dist/index.js" }',
    'node_modules/uWebSockets.js/package.json': '{ "name": "uWebSockets.js", "main": "uws.js" }',
    'node_modules/uWebSockets.js/uws.js': `
      throw new Error('This version of uWS.js supports only Node.js versions 1 and 2 on (glibc) Linux.\\n\\nCannot find uws.node')`,
  })
  cpSync(DIST, join(cwd, 'node_modules/sidewire/dist'), { recursive: true })
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies).filter((other) => other !== 'uWebSockets.js'))
    symlinkSync(join(ROOT, 'node_modules', name), join(cwd, 'node_modules', name), 'junction')
  return { cwd, script: join(cwd, 'node_modules/sidewire/dist/cli.js') }
}
