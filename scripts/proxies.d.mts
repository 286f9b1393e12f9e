/** How to start a proxy: its command, and the environment; `undefined` if it is not here. */
export declare function findProxy(
  name: 'nginx' | 'haproxy',
): { readonly command: string; readonly env: NodeJS.ProcessEnv } | undefined
