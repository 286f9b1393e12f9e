/** Whether a hook is async: anything with a `then`, as `await` sees it. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}

/** At once, or later. */
export type MaybePromise<T> = T | Promise<T>
