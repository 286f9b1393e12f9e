import { defineConfig } from 'astro/config'
import { universalApi } from 'sidewire'

export default defineConfig({
  vite: {
    plugins: [
      universalApi({
        endpointPrefix: '/api',
        wsHandlers: [{ pattern: '/ws/chat', onMessage: (conn, data) => conn.broadcast(data) }],
      }),
    ],
  },
})
