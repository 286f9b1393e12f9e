import { request, type RequestOptions } from 'node:http'
import { request as requestOverTls } from 'node:https'
import { createServer, type Server, type ServerOptions } from '../../src/index.ts'

/** What a page gets: as `Batch`, which is no part of the API. */
export interface Got {
  readonly boot: string
  readonly readOnly: boolean
  readonly handlers: readonly { pattern: string; paths: readonly string[] }[]
  readonly refused: number
  readonly rows: readonly GotRow[]
  readonly next: number
  readonly left: number
  readonly connections?: {
    found: number
    rows: readonly Record<string, any>[]
    rooms: readonly { pattern: string; room: string; size: number }[]
  }
  readonly faults?: GotFaults
  readonly samples: readonly Record<string, number>[]
}

interface GotFaults {
  readonly found: number
  readonly rows: readonly Record<string, any>[]
}

export type GotRow = { readonly n: number; readonly type: string } & Record<string, any>

export interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

export function httpOf({ url }: Pick<Server, 'url'>): string {
  return url.replace(/^ws/, 'http')
}

/** By Node's own client, which sends what it is told to: a browser's `fetch` would not. */
export function http(
  url: string,
  { body, ...options }: RequestOptions & { readonly body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ask = url.startsWith('https:') ? requestOverTls : request
    const asked = ask(url, { rejectUnauthorized: false, ...options }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      )
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

/** As the page asks. */
export class Page {
  readonly #http: string
  readonly #headers: Record<string, string>
  #after = 0

  constructor(server: Pick<Server, 'url'>, headers: Record<string, string> = {}) {
    this.#http = httpOf(server)
    this.#headers = { Origin: this.#http, ...headers }
  }

  post(what: string, command: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return http(`${this.#http}/.sidewire/page/${what}`, {
      method: 'POST',
      headers: { ...this.#headers, ...headers },
      body: JSON.stringify(command),
    })
  }

  async ask<T = any>(what: string, command: unknown): Promise<T> {
    const { status, body } = await this.post(what, command)
    if (status !== 200) throw new Error(`${status} ${body}`)
    return JSON.parse(body) as T
  }

  async watch(change: Record<string, unknown> = {}): Promise<Got> {
    const got = await this.ask<Got>('watch', { after: this.#after, wait: 0, limit: 2000, ...change })
    this.#after = got.next
    return got
  }

  /** Until there is such a row, from where the last look ended. */
  async rowsUntil(type: string, count = 1): Promise<readonly GotRow[]> {
    const rows: GotRow[] = []
    const until = Date.now() + 30_000
    while (rows.filter((row) => row.type === type).length < count) {
      if (Date.now() > until) throw new Error(`no ${count} ${type}, only ${JSON.stringify(rows)}`)
      rows.push(...(await this.watch({ wait: 1000 })).rows)
    }
    return rows
  }
}

export async function served(options: ServerOptions): Promise<Server> {
  return createServer({ port: 0, logLevel: 'silent', inspector: true, ...options })
}
