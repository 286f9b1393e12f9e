/** Patterns, each with a path that it matches and the names of its parameters: for the compiler, and when it runs. */
export const NAMED_PATTERNS: readonly (readonly [pattern: string, path: string, names: readonly string[]])[] =
  [
    ['/ws/chat', '/ws/chat', []],
    ['/ws/**', '/ws/a/b', []],
    ['/ws/chat/{room}', '/ws/chat/lobby', ['room']],
    ['{room}', '/lobby', ['room']],
    ['/{a}-{b}.{c}/*/{d}', '/1-2.3/x/4', ['a', 'b', 'c', 'd']],
    [String.raw`/{id:\d+}`, '/12', ['id']],
    [String.raw`/{id:\d{2,4}}/{room}`, '/123/lobby', ['id', 'room']],
    [String.raw`/{id:(?:\d{2}:){2}\d{2}}/x/{z}`, '/10:20:30/x/z', ['id', 'z']],
    [String.raw`/{id:\{\d\}}/{z}`, '/{1}/z', ['id', 'z']],
    [String.raw`/{id:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}}`, `/${crypto.randomUUID()}`, ['id']],
  ]
