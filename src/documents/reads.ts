/** The same for every copy of this package: the project's own may be another than the one that serves. */
const LISTENER = Symbol.for('sidewire.reads')

interface Listening {
  [LISTENER]?: ((path: string) => void) | undefined
}

/** Says that what a configuration is made of comes from this file, too. */
export function tellRead(path: string): void {
  ;(globalThis as Listening)[LISTENER]?.(path)
}

/** Told of each file before it is read, while `load` runs. */
export async function hearReads<T>(onRead: (path: string) => void, load: () => Promise<T>): Promise<T> {
  const holder = globalThis as Listening
  const before = holder[LISTENER]
  holder[LISTENER] = onRead
  try {
    return await load()
  } finally {
    holder[LISTENER] = before
  }
}
