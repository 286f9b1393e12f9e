/** How to start a broker: its command, and the environment; `undefined` if it is not here. */
export declare function findBroker(
  name: 'redis-server' | 'nats-server',
): { readonly command: string; readonly env: NodeJS.ProcessEnv } | undefined
