import { universalApi } from 'sidewire'

export default defineNuxtConfig({
  compatibilityDate: '2026-01-01',
  telemetry: false,
  vite: {
    plugins: [
      universalApi({
        endpointPrefix: '/api',
        wsHandlers: [{ pattern: '/ws/chat', onMessage: (conn, data) => conn.broadcast(data) }],
      }),
    ],
  },
})
