import { cpSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DIST, project, ROOT } from './cli.ts'

interface Installation {
  readonly cwd: string
  readonly script: string
}

/** An installation of sidewire in a project with these files, which bring a uWebSockets.js, or none. */
export function installWithout(uws: Readonly<Record<string, string>>): Installation {
  const cwd = project({
    ...uws,
    'node_modules/sidewire/package.json':
      '{ "name": "sidewire", "version": "1.2.3", "type": "module", "exports": "./dist/index.js" }',
  })
  cpSync(DIST, join(cwd, 'node_modules/sidewire/dist'), { recursive: true })
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies).filter((other) => other !== 'uWebSockets.js'))
    symlinkSync(join(ROOT, 'node_modules', name), join(cwd, 'node_modules', name), 'junction')
  return { cwd, script: join(cwd, 'node_modules/sidewire/dist/cli.js') }
}

/** The same, with one that has no binary for this machine. */
export function installWithoutNative(files: Readonly<Record<string, string>> = {}): Installation {
  return installWithout({
    ...files,
    'node_modules/uWebSockets.js/package.json': '{ "name": "uWebSockets.js", "main": "uws.js" }',
    'node_modules/uWebSockets.js/uws.js': `
      throw new Error('This version of uWS.js supports only Node.js versions 1 and 2 on (glibc) Linux.\\n\\nCannot find uws.node')`,
  })
}
