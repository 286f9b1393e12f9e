import { defineConfig } from 'vite'
import { universalApi } from 'sidewire' // Named export

export default defineConfig({
  plugins: [
    universalApi({
      endpointPrefix: '/api',
      enableWs: true, // Enable WebSocket
      wsDir: 'mocks', // and these files, reloaded on change
      wsHandlers: [
        {
          pattern: '/ws/chat',
          onConnect: (conn) => {
            console.log('Client connected:', conn.id)
            conn.send({ type: 'welcome', message: 'Welcome!' })
          },
          onMessage: (conn, data) => {
            console.log('Received:', data)
            conn.broadcast(data, { includeSelf: true })
          },
          onClose: (conn, code, reason) => {
            console.log('Client disconnected:', conn.id, code, reason)
          },
        },
      ],
    }),
  ],
})
