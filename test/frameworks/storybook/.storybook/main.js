import { universalApi } from 'sidewire'

export default {
  framework: '@storybook/html-vite',
  stories: ['../*.stories.js'],
  viteFinal: (config) => ({
    ...config,
    plugins: [
      ...config.plugins,
      universalApi({
        endpointPrefix: '/api',
        wsHandlers: [{ pattern: '/ws/chat', onMessage: (conn, data) => conn.broadcast(data) }],
      }),
    ],
  }),
}
