declare module 'virtual:sidewire' {
  /**
   * The URL of the sidecar, past the dev server's proxy: for load tests. `undefined` in a build, which has none.
   * Add a path, prefix included: `${wsUrl}/api/ws/chat`.
   */
  export const wsUrl: string | undefined
}
