import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineConfig, type IWebSocketConnection, type UniversalApiWsHandler } from '../../src/index.ts'
import { Contract } from '../contract/harness.ts'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { connectNative } from '../support/client.ts'

assertPlatform()

// Every handler below is the guide's, character by character but for its indentation; only what the guide leaves
// to the reader (verifyToken, generateGameId, ...) is added here.

const printed: unknown[][] = []
const console = {
  log: (...args: unknown[]) => void printed.push(args),
  error: (...args: unknown[]) => void printed.push(args),
}

async function verifyToken(token: string): Promise<{ name: string }> {
  if (token !== 'your-jwt-token') throw new Error('bad token')
  return { name: 'Alice' }
}

function generateGameId(): string {
  return 'game-123'
}

const active = new Set<string>()
function removeUserFromActiveList(id: string): void {
  active.delete(id)
}

// oxfmt-ignore
const basicSetup = defineConfig({
  endpointPrefix: '/api',
  enableWs: true, // Enable WebSocket
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
        console.log('Client disconnected:', conn.id)
      }
    }
  ]
})

const onConnect: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  onConnect: (conn) => {
    // Send welcome message
    conn.send({
      type: 'connected',
      id: conn.id,
      timestamp: Date.now(),
    })
    // Access connection info
    console.log('New connection:', {
      id: conn.id,
      rooms: conn.rooms,
      ip: conn.req.socket.remoteAddress,
    })
  },
}

const onMessage: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  onMessage: (conn, data) => {
    // data is automatically parsed JSON
    switch (data.type) {
      case 'chat':
        conn.broadcast(
          {
            type: 'message',
            from: data.username,
            text: data.text,
            timestamp: Date.now(),
          },
          { includeSelf: true },
        )
        break
      case 'typing':
        conn.broadcast(
          {
            type: 'typing',
            username: data.username,
          },
          { includeSelf: false },
        )
        break
    }
  },
}

const onClose: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  onClose: (conn, code, reason) => {
    console.log(`Connection ${conn.id} closed:`, code, reason)
    // Notify other users
    conn.broadcast({
      type: 'user-left',
      userId: conn.id,
    })
  },
}

const onError: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  onError: (conn, error) => {
    console.error('WebSocket error:', error)
    // Handle specific errors
    if (error.message.includes('timeout')) {
      conn.close(1000, 'Timeout')
    }
  },
}

const rooms: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  onMessage: (conn, data) => {
    switch (data.type) {
      case 'join-room':
        // Join a room
        conn.joinRoom(data.room)
        // Notify room members
        conn.broadcast(
          {
            type: 'user-joined',
            username: data.username,
            room: data.room,
          },
          {
            rooms: [data.room],
            includeSelf: false,
          },
        )
        break
      case 'leave-room':
        // Leave a room
        conn.leaveRoom(data.room)
        break
      case 'message':
        // Broadcast to specific room
        conn.broadcast(
          {
            type: 'chat-message',
            from: data.username,
            text: data.text,
          },
          {
            rooms: [data.room],
            includeSelf: true,
          },
        )
        break
    }
  },
}

const authentication: UniversalApiWsHandler = {
  pattern: '/ws/private',
  authenticate: async (req) => {
    // Get token from query params
    const url = new URL(req.url!, 'ws://localhost')
    const token = url.searchParams.get('token')
    if (!token) {
      return {
        success: false,
        code: 4001,
        reason: 'No token provided',
      }
    }
    try {
      const user = await verifyToken(token)
      return {
        success: true,
        data: { user }, // Stored in conn.authData
      }
    } catch (err) {
      return {
        success: false,
        code: 4002,
        reason: 'Invalid token',
      }
    }
  },
  onConnect: (conn) => {
    // Access authenticated user data
    const user = conn.authData.user
    conn.send({
      type: 'authenticated',
      user,
    })
  },
}

const heartbeat: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  heartbeat: 30000, // 30 seconds
  onConnect: (conn) => {
    // Heartbeat automatically starts
    console.log('Heartbeat interval:', 30000)
  },
}

const compression: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  compression: {
    enabled: true,
    threshold: 1024, // Only compress messages > 1KB
  },
}

const chatApplication: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  onConnect: (conn) => {
    conn.send({ type: 'connected', id: conn.id })
  },
  onMessage: (conn, data) => {
    switch (data.type) {
      case 'join':
        conn.joinRoom('chat')
        conn.broadcast(
          {
            type: 'user-joined',
            username: data.username,
          },
          { rooms: ['chat'] },
        )
        break
      case 'message':
        conn.broadcast(
          {
            type: 'chat-message',
            username: data.username,
            message: data.message,
            timestamp: Date.now(),
          },
          { rooms: ['chat'], includeSelf: true },
        )
        break
    }
  },
}

const gameServer: UniversalApiWsHandler = {
  pattern: '/ws/game',
  heartbeat: 10000,
  onConnect: (conn) => {
    conn.joinRoom('lobby')
    conn.send({ type: 'joined-lobby' })
  },
  onMessage: (conn, data) => {
    switch (data.type) {
      case 'create-game':
        const gameId = generateGameId()
        conn.joinRoom(gameId)
        conn.send({ type: 'game-created', gameId })
        break
      case 'join-game':
        conn.joinRoom(data.gameId)
        conn.broadcast(
          {
            type: 'player-joined',
            playerId: conn.id,
          },
          { rooms: [data.gameId] },
        )
        break
      case 'game-action':
        conn.broadcast(
          {
            type: 'game-update',
            action: data.action,
            playerId: conn.id,
          },
          { rooms: [data.gameId], includeSelf: true },
        )
        break
    }
  },
}

const cleanUp: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  onConnect: (conn) => void active.add(conn.id),
  onClose: (conn, code, reason) => {
    // Clean up resources
    removeUserFromActiveList(conn.id)
    // Notify others
    conn.broadcast({ type: 'user-left', userId: conn.id })
  },
}

const broadcasting: UniversalApiWsHandler = {
  pattern: '/ws/chat',
  onMessage: (conn, data) => {
    switch (data) {
      case 'all':
        conn.broadcast({ type: 'announcement', text: 'Server restart in 5 minutes' })
        break
      case 'rooms':
        conn.broadcast({ type: 'room-message', text: 'Hello room!' }, { rooms: ['general', 'dev'] })
        break
      case 'self':
        // Include sender
        conn.broadcast(data, { includeSelf: true })
        // Exclude sender (default)
        conn.broadcast(data, { includeSelf: false })
        break
      case 'general':
      case 'dev':
        conn.joinRoom(data)
        conn.send('joined')
    }
  },
}

// The guide's interface, as it prints it: what is written against it takes our connection.
interface GuideConnection {
  id: string
  authData: any
  send(data: any): void
  broadcast(data: any, options?: { rooms?: string[]; includeSelf?: boolean }): void
  joinRoom(room: string): void
  leaveRoom(room: string): void
  ping(): void
  pong(): void
  close(code?: number, reason?: string): void
}

for (const name of NETWORK_RUNTIMES) {
  describe(`the guide on ${name}`, () => {
    let t: Contract
    beforeEach(async () => {
      printed.length = 0
      t = new Contract(await loadRuntime(name))
    })
    afterEach(() => t.end())

    it('Basic Setup and Client Connection', async () => {
      const server = await t.start([], basicSetup)
      const ws = new WebSocket(`${server.url}/api/ws/chat`)
      const received = t.queue<any>('message')
      const closed = t.queue<string>('close')
      ws.onopen = () => {
        console.log('Connected!')
        ws.send(JSON.stringify({ type: 'join', username: 'Alice' }))
      }
      ws.onmessage = (event) => {
        const data = JSON.parse(event.data)
        received.push(data)
      }
      ws.onerror = (error) => {
        console.error('WebSocket error:', error)
      }
      ws.onclose = () => {
        closed.push('Disconnected')
      }
      expect(await received.next()).toEqual({ type: 'welcome', message: 'Welcome!' })
      expect(await received.next()).toEqual({ type: 'join', username: 'Alice' })
      ws.close()
      expect(await closed.next()).toBe('Disconnected')
      await t.until(
        () => printed.map(([first]) => String(first)).toSorted((a, b) => (a < b ? -1 : 1)),
        ['Client connected:', 'Client disconnected:', 'Connected!', 'Received:'],
      )
    })

    it('onConnect', async () => {
      const server = await t.start(onConnect)
      const client = await t.connect(server, '/ws/chat')
      const message = await client.next()
      expect(message).toEqual({ type: 'connected', id: expect.any(String), timestamp: expect.any(Number) })
      expect(printed).toEqual([['New connection:', { id: message.id, rooms: new Set(), ip: '127.0.0.1' }]])
    })

    it('onMessage', async () => {
      const server = await t.start(onMessage)
      const [alice, bob] = [await t.connect(server, '/ws/chat'), await t.connect(server, '/ws/chat')]
      alice.json({ type: 'typing', username: 'Alice' })
      alice.json({ type: 'chat', username: 'Alice', text: 'Hi' })
      const message = { type: 'message', from: 'Alice', text: 'Hi', timestamp: expect.any(Number) }
      expect(await alice.next()).toEqual(message)
      expect(await bob.next()).toEqual({ type: 'typing', username: 'Alice' })
      expect(await bob.next()).toEqual(message)
    })

    it('onClose', async () => {
      const server = await t.start(onClose)
      const [alice, bob] = [await t.connect(server, '/ws/chat'), await t.connect(server, '/ws/chat')]
      const [first] = server.connections
      alice.close(4000, 'bye')
      const message = await bob.next()
      expect(message).toEqual({ type: 'user-left', userId: expect.any(String) })
      expect(message.userId).toBe(first?.id)
      expect(printed).toEqual([[`Connection ${message.userId} closed:`, 4000, 'bye']])
    })

    it('onError', async () => {
      const server = await t.start({ ...onError, heartbeat: 100 })
      const silent = await t.raw(server).open('/api/ws/chat')
      expect(await silent.nextClose()).toEqual({ code: 1000, reason: 'Timeout' })
      expect(printed[0]?.[0]).toBe('WebSocket error:')
    })

    it('Rooms', async () => {
      const server = await t.start(rooms)
      const [alice, bob, eve] = [
        await t.connect(server, '/ws/chat'),
        await t.connect(server, '/ws/chat'),
        await t.connect(server, '/ws/chat'),
      ]
      bob.json({ type: 'join-room', room: 'general', username: 'Bob' })
      await t.until(() => server.connections.filter((info) => info.rooms.length > 0).length, 1)
      alice.json({ type: 'join-room', room: 'general', username: 'Alice' })
      alice.json({ type: 'message', room: 'general', username: 'Alice', text: 'Hello everyone!' })
      const message = { type: 'chat-message', from: 'Alice', text: 'Hello everyone!' }
      expect(await bob.next()).toEqual({ type: 'user-joined', username: 'Alice', room: 'general' })
      expect(await bob.next()).toEqual(message)
      expect(await alice.next()).toEqual(message)
      bob.json({ type: 'leave-room', room: 'general' })
      await t.until(() => server.connections.filter((info) => info.rooms.length > 0).length, 1)
      alice.json({ type: 'message', room: 'general', username: 'Alice', text: 'Anyone?' })
      expect((await alice.next()).text).toBe('Anyone?')
      // Whoever is in the room only now has missed what was said before.
      eve.json({ type: 'join-room', room: 'general', username: 'Eve' })
      expect(await alice.next()).toEqual({ type: 'user-joined', username: 'Eve', room: 'general' })
    })

    it('Authentication', async () => {
      const server = await t.start(authentication)
      const good = await connectNative(`${server.url}/api/ws/private?token=your-jwt-token`)
      expect(await good.next()).toEqual({ type: 'authenticated', user: { name: 'Alice' } })
      const none = await connectNative(`${server.url}/api/ws/private`)
      expect(await none.closed).toEqual({ code: 4001, reason: 'No token provided' })
      const bad = await connectNative(`${server.url}/api/ws/private?token=forged`)
      expect(await bad.closed).toEqual({ code: 4002, reason: 'Invalid token' })
      expect(server.connections).toHaveLength(1)
    })

    it('Heartbeat', async () => {
      const server = await t.start(heartbeat)
      await t.connect(server, '/ws/chat')
      expect(printed).toEqual([['Heartbeat interval:', 30_000]])
    })

    it('Compression', async () => {
      const server = await t.start({ ...compression, onMessage: (conn, data) => void conn.send(data) })
      const client = await t
        .raw(server)
        .open('/api/ws/chat', { 'Sec-WebSocket-Extensions': 'permessage-deflate' })
      client.text('x'.repeat(100))
      expect((await client.next()).rsv1).toBe(false)
      client.text('x'.repeat(2000))
      const { rsv1, payload } = await client.next()
      expect([rsv1, payload.length < 100]).toEqual([true, true])
    })

    it('Broadcasting', async () => {
      const server = await t.start(broadcasting)
      const [alice, bob] = [await t.connect(server, '/ws/chat'), await t.connect(server, '/ws/chat')]
      bob.send('general')
      bob.send('dev')
      expect([await bob.next(), await bob.next()]).toEqual(['joined', 'joined'])
      alice.send('all')
      expect(await bob.next()).toEqual({ type: 'announcement', text: 'Server restart in 5 minutes' })
      alice.send('rooms')
      expect(await bob.next()).toEqual({ type: 'room-message', text: 'Hello room!' })
      alice.send('self')
      expect(await alice.next()).toBe('self')
      expect([await bob.next(), await bob.next()]).toEqual(['self', 'self'])
    })

    it('Chat Application', async () => {
      const server = await t.start(chatApplication)
      const [alice, bob] = [await t.connect(server, '/ws/chat'), await t.connect(server, '/ws/chat')]
      expect((await alice.next()).type).toBe('connected')
      expect((await bob.next()).type).toBe('connected')
      alice.json({ type: 'join', username: 'Alice' })
      await t.until(() => server.connections.filter((info) => info.rooms.length > 0).length, 1)
      bob.json({ type: 'join', username: 'Bob' })
      expect(await alice.next()).toEqual({ type: 'user-joined', username: 'Bob' })
      bob.json({ type: 'message', username: 'Bob', message: 'Hi' })
      const message = { type: 'chat-message', username: 'Bob', message: 'Hi', timestamp: expect.any(Number) }
      expect(await alice.next()).toEqual(message)
      expect(await bob.next()).toEqual(message)
    })

    it('Game Server', async () => {
      const server = await t.start(gameServer)
      const [one, two] = [await t.connect(server, '/ws/game'), await t.connect(server, '/ws/game')]
      expect(await one.next()).toEqual({ type: 'joined-lobby' })
      expect(await two.next()).toEqual({ type: 'joined-lobby' })
      one.json({ type: 'create-game' })
      expect(await one.next()).toEqual({ type: 'game-created', gameId: 'game-123' })
      two.json({ type: 'join-game', gameId: 'game-123' })
      const joined = await one.next()
      expect(joined).toEqual({ type: 'player-joined', playerId: expect.any(String) })
      two.json({ type: 'game-action', gameId: 'game-123', action: 'jump' })
      const update = { type: 'game-update', action: 'jump', playerId: joined.playerId }
      expect(await one.next()).toEqual(update)
      expect(await two.next()).toEqual(update)
    })

    it('Close Codes', async () => {
      const server = await t.start({
        pattern: '/ws/chat',
        onMessage: (conn, data) => conn.close(data.code, data.name),
      })
      for (const [code, text] of [
        [1000, 'Normal Closure'],
        [1001, 'Going Away'],
        [1002, 'Protocol Error'],
        [1003, 'Unsupported Data'],
        [1007, 'Invalid Payload'],
        [1008, 'Policy Violation'],
        [1009, 'Message Too Big'],
        [1011, 'Internal Error'],
        [4000, 'Custom'],
        [4999, 'Custom'],
      ] as const) {
        const client = await t.connect(server, '/ws/chat')
        client.json({ code, name: text })
        expect(await client.closed).toEqual({ code, reason: text })
      }
    })

    it('Clean Up on Close', async () => {
      const server = await t.start(cleanUp)
      const [alice, bob] = [await t.connect(server, '/ws/chat'), await t.connect(server, '/ws/chat')]
      expect(active.size).toBe(2)
      alice.close(1000)
      const { userId } = await bob.next()
      expect(active.has(userId)).toBe(false)
      expect(active.size).toBe(1)
      active.clear()
    })

    it('Connection Object API', async () => {
      const seen = t.queue<GuideConnection>('connection')
      const server = await t.start({
        pattern: '/a',
        onConnect: (conn: IWebSocketConnection) => seen.push(conn),
      })
      await t.connect(server, '/a')
      const conn = await seen.next()
      for (const method of ['send', 'broadcast', 'joinRoom', 'leaveRoom', 'ping', 'pong', 'close'] as const)
        expect(typeof conn[method]).toBe('function')
    })
  })
}
