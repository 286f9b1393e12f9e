import { reactRouter } from '@react-router/dev/vite'
import { universalApi } from 'sidewire'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [
    reactRouter(),
    universalApi({
      endpointPrefix: '/api',
      wsHandlers: [{ pattern: '/ws/chat', onMessage: (conn, data) => conn.broadcast(data) }],
    }),
  ],
})
