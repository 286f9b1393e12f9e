import { randomUUID } from 'node:crypto'
import type { UniversalApiWsHandler } from '../../index.ts'

/** The guide's chat, rooms and game examples, and an echo. */
export function demoHandlers(): UniversalApiWsHandler[] {
  return [
    {
      pattern: '/ws/chat',
      onConnect: (conn) => {
        conn.send({ type: 'connected', id: conn.id })
      },
      onMessage: (conn, data) => {
        switch (data.type) {
          case 'join':
            conn.joinRoom('chat')
            conn.broadcast({ type: 'user-joined', username: data.username }, { rooms: ['chat'] })
            break
          case 'message':
            conn.broadcast(
              { type: 'chat-message', username: data.username, message: data.message, timestamp: Date.now() },
              { rooms: ['chat'], includeSelf: true },
            )
            break
        }
      },
    },
    {
      pattern: '/ws/rooms',
      onMessage: (conn, data) => {
        switch (data.type) {
          case 'join-room':
            conn.joinRoom(data.room)
            conn.broadcast(
              { type: 'user-joined', username: data.username, room: data.room },
              { rooms: [data.room], includeSelf: false },
            )
            break
          case 'leave-room':
            conn.leaveRoom(data.room)
            break
          case 'message':
            conn.broadcast(
              { type: 'chat-message', from: data.username, text: data.text },
              { rooms: [data.room], includeSelf: true },
            )
            break
        }
      },
    },
    {
      pattern: '/ws/game',
      heartbeat: 10_000,
      onConnect: (conn) => {
        conn.joinRoom('lobby')
        conn.send({ type: 'joined-lobby' })
      },
      onMessage: (conn, data) => {
        switch (data.type) {
          case 'create-game': {
            const gameId = randomUUID().slice(0, 8)
            conn.joinRoom(gameId)
            conn.send({ type: 'game-created', gameId })
            break
          }
          case 'join-game':
            conn.joinRoom(data.gameId)
            conn.broadcast({ type: 'player-joined', playerId: conn.id }, { rooms: [data.gameId] })
            break
          case 'game-action':
            conn.broadcast(
              { type: 'game-update', action: data.action, playerId: conn.id },
              { rooms: [data.gameId], includeSelf: true },
            )
            break
        }
      },
    },
    { pattern: '/ws/echo', onMessage: (conn, data) => void conn.send(data) },
  ]
}
