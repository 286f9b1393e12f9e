import { sveltekit } from '@sveltejs/kit/vite'
import { universalApi } from 'sidewire'
import { defineConfig } from 'vite'

export default defineConfig({
  plugins: [
    sveltekit(),
    universalApi({
      endpointPrefix: '/api',
      wsHandlers: [{ pattern: '/ws/chat', onMessage: (conn, data) => conn.broadcast(data) }],
    }),
  ],
})
