import type { Server } from 'bun'

// `Request.url` is resolved, as the URL standard has it: `/ws/p/../echo` has become `/ws/echo`, and would be served as
// that on this runtime alone. Bun's router goes by what was sent, and a route of nothing but parameters tells its
// segments, percent-decoded.

/** Longer paths have no route, nor have those with an empty segment that is not the last one. */
const MAX_SEGMENTS = 64

type Route<D, R> = (request: Request, server: Server<D>) => R
/** `url`: path and query, with nothing resolved. */
type Serve<D, R> = (request: Request, server: Server<D>, url: string) => R

/** The `routes` of `Bun.serve`, one for each length of a path, and its `fetch`, for what has no route. */
export function onSentPath<D, R>(
  serve: Serve<D, R>,
): { routes: Record<string, Route<D, R>>; fetch: Route<D, R> } {
  const routes: Record<string, Route<D, R>> = {
    '/': (request, server) =>
      serve(
        request,
        server,
        targetOf(request, () => '/'),
      ),
  }
  let pattern = ''
  for (let i = 1; i <= MAX_SEGMENTS; i++) {
    pattern += `/:s${i}`
    routes[pattern] = (request, server) =>
      serve(
        request,
        server,
        targetOf(request, (path) => sentPath(path, segmentsOf(request))),
      )
    routes[`${pattern}/`] = (request, server) =>
      serve(
        request,
        server,
        targetOf(request, (path) => sentPath(path, [...segmentsOf(request), ''])),
      )
  }
  return { routes, fetch: (request, server) => serve(request, server, targetOf(request, unroutedPath)) }
}

function segmentsOf(request: Request): string[] {
  return Object.values((request as Request & { params: Record<string, string> }).params)
}

function targetOf({ url }: Request, toSent: (path: string) => string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return '/'
  const query = url.indexOf('?', start)
  return query === -1 ? toSent(url.slice(start)) : toSent(url.slice(start, query)) + url.slice(query)
}

/**
 * The path as it stands in the URL, if its segments are those that were sent; else of these.
 * @param sent - percent-decoded
 */
function sentPath(path: string, sent: readonly string[]): string {
  if (`/${sent.join('/')}` === path) return path
  const segments = path.slice(1).split('/')
  const isSame = segments.length === sent.length && segments.every((text, i) => isSpelling(text, sent[i]))
  return isSame ? path : `/${sent.map(encodeSegment).join('/')}`
}

function isSpelling(segment: string, decoded: string | undefined): boolean {
  if (segment === decoded) return true
  try {
    return decodeURIComponent(segment) === decoded
  } catch {
    return true // The engine refuses the whole path, wherever it has come from.
  }
}

/** All but printable ASCII, and what would end a segment or start an escape. */
function encodeSegment(segment: string): string {
  return segment.replaceAll(/[^!"$&-.0->@-~]/gu, encodeURIComponent)
}

/**
 * A path that would have a route was sent as one that has none, and resolved: it gets a dot segment back, for all of
 * those that it may have had, so that it is no other path's equal. Of the rest nobody can tell.
 */
function unroutedPath(path: string): string {
  const segments = path.split('/')
  const hasRoute = segments.length <= MAX_SEGMENTS + 1 && !segments.slice(1, -1).includes('')
  if (!hasRoute) return path
  const last = path.lastIndexOf('/')
  return `${path.slice(0, last)}/.${path.slice(last)}`
}
