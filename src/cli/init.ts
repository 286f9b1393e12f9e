import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import pc from 'picocolors'
import { whyNot } from '../documents/file-trouble.ts'
import { SidewireError } from '../engine/errors.ts'
import { CONFIG_NAMES } from './config-name.ts'
import { starterFiles, type StarterFile } from './starter.ts'

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
  write(folder, files)
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

/** All of them, or none. */
function write(folder: string, files: readonly StarterFile[]): void {
  const written: string[] = []
  let path = folder
  try {
    mkdirSync(folder, { recursive: true })
    for (const file of files) {
      ;({ path } = file)
      writeFileSync(path, file.text, { flag: 'wx' })
      written.push(path)
    }
  } catch (cause) {
    for (const each of written) rmSync(each)
    const why = isFile(path) ? 'a file is in its place' : whyNot(cause)
    throw new SidewireError('ERR_CONFIG', `cannot write ${path}, and nothing was written: ${why}`, { cause })
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
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
  if (folder !== '' && !folder.startsWith('..') && !isAbsolute(folder) && !/['\\`:]|\$\{/.test(folder))
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
