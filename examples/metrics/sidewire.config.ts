import { defineConfig } from 'sidewire'

export default defineConfig({
  metrics: { hooks: true },
  // What /readyz says 503 to, and for how long it does before clients are closed.
  maxEventLoopLag: 500,
  shutdownDelay: 2000,
  wsHandlers: [
    {
      pattern: '/ws/chat',
      onConnect: (conn) => conn.joinRoom('lobby'),
      onMessage: (conn, data) => conn.broadcast(data, { room: 'lobby', includeSelf: true }),
    },
    {
      pattern: '/ws/echo',
      onMessage(conn, data) {
        // Something for the panel of errors.
        if (data === 'fail') throw new Error('it was asked to fail')
        conn.send(data)
      },
    },
  ],
})
