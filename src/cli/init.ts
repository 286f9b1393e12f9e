import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import pc from 'picocolors'
import { whyNot } from '../documents/file-trouble.ts'
import { SidewireError } from '../engine/errors.ts'
import { CONFIG_NAMES } from './config-name.ts'
import { starterFiles } from './starter.ts'

const DEFAULT_FOLDER = 'mocks'
const VITE_CONFIGS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `vite.config.${extension}`)

export interface InitFlags {
  readonly yes?: boolean
}

/** `sidewire init [folder]` */
export async function init(asked: string | undefined, flags: InitFlags): Promise<void> {
  // What is there already is said before anybody is asked anything.
  const config = CONFIG_NAMES.find((name) => existsSync(name))
  if (config !== undefined) throw there(config)
  const mayAsk = process.stdin.isTTY && process.stdout.isTTY && !process.env['CI'] && !flags.yes
  const folder = folderOf(asked ?? (mayAsk ? await ask() : DEFAULT_FOLDER))
  const files = starterFiles(folder)
  const taken = files.find(({ path }) => existsSync(path))
  if (taken) throw there(taken.path)
  for (const { path, text } of files)
    try {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text, { flag: 'wx' })
    } catch (cause) {
      throw new SidewireError('ERR_CONFIG', `cannot write ${path}: ${whyNot(cause)}`, { cause })
    }
  console.log(
    [
      `${pc.bold(pc.green('sidewire'))} wrote`,
      ...files.map(({ path }) => `  ${pc.cyan(path)}`),
      'Serve them, and change them while they are served:',
      '  npx sidewire serve --watch',
      ...inVite(folder),
    ].join('\n'),
  )
}

async function ask(): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return (await terminal.question(`Folder of the mocks (${DEFAULT_FOLDER}): `)).trim() || DEFAULT_FOLDER
  } finally {
    terminal.close()
  }
}

/** @throws `ERR_OPTION` for one that is not in this folder: the config names it from here */
function folderOf(asked: string): string {
  const folder = relative(process.cwd(), resolve(asked)).replaceAll('\\', '/')
  if (folder !== '' && !folder.startsWith('..') && !isAbsolute(folder) && !/['\\`]|\$\{/.test(folder))
    return folder
  throw new SidewireError(
    'ERR_OPTION',
    `the folder of the mocks is ${JSON.stringify(asked)}; it has to be one in this folder, such as ${DEFAULT_FOLDER}`,
  )
}

function there(path: string): SidewireError {
  return new SidewireError(
    'ERR_CONFIG',
    `${path} is there already, and nothing was written; move it away, or go on with it; see docs/guide/mock-files.md`,
  )
}

/** Where there is Vite, its dev server takes the folder. */
function inVite(folder: string): string[] {
  const config = VITE_CONFIGS.find((name) => existsSync(name))
  if (config === undefined) return []
  return [
    `Or in ${config}, beside the page:`,
    "  import { universalApi } from 'sidewire'",
    `  plugins: [universalApi({ wsDir: '${folder}' })]`,
  ]
}
