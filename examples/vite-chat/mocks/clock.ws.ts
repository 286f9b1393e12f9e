import { defineHandler } from 'sidewire'

// Change the answer while the page is open: the next click on the time shows it, on the same socket.
export default defineHandler({
  pattern: '/ws/clock',
  onMessage: (conn) => {
    conn.send(`It is ${new Date().toISOString()}`)
  },
})
