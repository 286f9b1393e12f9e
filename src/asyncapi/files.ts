import { realpathSync } from 'node:fs'
import { dirname, extname, parse, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Document } from '../documents/document.ts'
import { readDocumentFile } from '../documents/document-file.ts'
import { shortPath } from '../documents/short-path.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import { asyncApiError } from './error.ts'
import type { File } from './file.ts'
import { absoluteRefs } from './refs.ts'

/** What a document may refer to. A schema in another language is no schema here. */
const READABLE = new Set(['.json', '.yaml', '.yml'])

/** A document, and the files that it refers to, all of them read. */
export class Files {
  readonly main: File
  /** Where packages of the user are looked for. */
  readonly folder: string
  readonly byUri: ReadonlyMap<string, File>
  readonly #root: string

  /**
   * @param document - what the file says, if it has been read
   * @throws `ERR_ASYNCAPI` for what cannot be read, and for references that lead to nothing
   */
  constructor(source: string | URL | object, document?: Document) {
    const path = typeof source === 'string' || source instanceof URL ? pathOf(source) : undefined
    this.folder = path === undefined ? process.cwd() : dirname(path)
    this.#root = rootOf(this.folder)
    if (path !== undefined && /\.[cm]?[jt]sx?$/i.test(path))
      throw asyncApiError(
        `${shortPath(path)} is code, and what is wanted is an AsyncAPI document, .yaml or .json; \`sidewire asyncapi export\` writes one of a config`,
      )
    const main =
      path === undefined
        ? fromObject(source as object)
        : fileOf(path, document ?? readDocumentFile(path, 'ERR_ASYNCAPI'))
    this.byUri = absoluteRefs(main, (uri, from) => this.#referred(uri, from))
    this.main = this.byUri.get(main.uri) ?? main
  }

  #referred(uri: string, from: string): File {
    if (uri.startsWith(OF_OBJECT))
      throw asyncApiError(
        `${from} refers to ${uri.slice(OF_OBJECT.length)}, and a parsed document has no folder in which that could be; give the path of its file`,
      )
    if (!uri.startsWith('file:'))
      throw asyncApiError(
        `${from} refers to ${uri}, and nothing is read from the network; save it beside the document and refer to the file`,
      )
    const path = fileURLToPath(uri)
    const outside = (): SidewireError =>
      asyncApiError(
        `${from} refers to ${shortPath(path)}, outside of ${shortPath(this.#root) || 'this folder'}; ` +
          'a document may refer to files of its folder, and of the folder that you are in',
      )
    if (!isWithin(path, this.#root)) throw outside()
    if (!READABLE.has(extname(path)))
      throw asyncApiError(`${from} refers to ${shortPath(path)}; it has to be a .json, .yaml or .yml file`)
    // Told before, because one that is not there yet may come.
    const file = fileOf(path, readDocumentFile(path, 'ERR_ASYNCAPI', from))
    if (!isWithin(realpathSync(path), realpathSync(this.#root))) throw outside()
    return file
  }
}

function fileOf(path: string, document: Document): File {
  return { uri: pathToFileURL(path).href, ...document }
}

function pathOf(source: string | URL): string {
  const isUrl = typeof source !== 'string' || /^(?:[a-z][a-z\d+.-]+:\/\/|file:)/i.test(source)
  if (!isUrl) return resolve(source)
  const { href, protocol } = urlOf(String(source))
  if (protocol === 'file:')
    try {
      return fileURLToPath(href)
    } catch (cause) {
      throw asyncApiError(`cannot read ${href}: ${(cause as Error).message}`, cause)
    }
  throw asyncApiError(
    `cannot read ${href}: nothing is read from the network; save it, or give the parsed document`,
  )
}

function urlOf(text: string): URL {
  try {
    return new URL(text)
  } catch (cause) {
    throw asyncApiError(`cannot read ${text}: this is no URL`, cause)
  }
}

/** What relative references of a parsed document begin with. */
const OF_OBJECT = 'asyncapi:/'

function fromObject(value: object): File {
  if (Array.isArray(value))
    throw new SidewireError(
      'ERR_OPTION',
      `fromAsyncApi() got ${describe(value)}; it has to be the path of a file, a file: URL, or a parsed document`,
    )
  return { uri: `${OF_OBJECT}document`, name: 'the document', value, lineOf: () => undefined }
}

/** The folder that one is in, where the document is below it: documents of one project share files. All there is would be too much. */
function rootOf(folder: string): string {
  const here = process.cwd()
  return isWithin(folder, here) && here !== parse(here).root ? here : folder
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && resolve(folder, way) === path
}
