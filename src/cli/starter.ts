import { relative } from 'node:path'

/** What `sidewire init` writes: a mock of each kind, and the config that serves them. */
export interface StarterFile {
  /** From the working directory, with slashes. */
  readonly path: string
  readonly text: string
}

/** @param folder - for the mocks, from the working directory, with slashes */
export function starterFiles(folder: string): readonly StarterFile[] {
  const schema = relative(`/${folder}`, '/node_modules/sidewire/mock.schema.json').replaceAll('\\', '/')
  return [
    {
      path: 'sidewire.config.ts',
      text: `import { defineConfig } from 'sidewire'
import { mockFile } from 'sidewire/mock-file'
import chat from './${folder}/chat.ws.ts'

// npx sidewire serve --watch
export default defineConfig({
  wsHandlers: [chat, ...mockFile('${folder}/prices.ws.yaml')],
})
`,
    },
    {
      path: `${folder}/chat.ws.ts`,
      text: `import { defineHandler } from 'sidewire'

// ws://localhost:8787/api/ws/chat/lobby: everybody in a room hears what one of them says.
export default defineHandler({
  pattern: '/ws/chat/{room}',
  onConnect(conn) {
    conn.joinRoom(conn.params.room)
    conn.send({ type: 'welcome', room: conn.params.room })
  },
  onMessage(conn, data) {
    conn.broadcastAllRooms({ type: 'said', by: conn.id, data }, true)
  },
})
`,
    },
    {
      path: `${folder}/prices.ws.yaml`,
      text: `# yaml-language-server: $schema=${schema}
# ws://localhost:8787/api/ws/prices: a price every second or so, the same ones each time.
pattern: /ws/prices
scenario:
  seed: 1
  connect:
    send: { type: hello, id: '{{conn.id}}' }
  on:
    - when: { type: subscribe }
      reply:
        - set: { symbol: '{{message.symbol}}' }
        - send: { type: subscribed, symbol: '{{message.symbol}}', id: '{{message.id}}' }
    - when: ping
      replies: [{ send: pong }, [{ wait: 500 }, { send: late }], { drop: true }]
      after: cycle
  every:
    - every: [900, 1100]
      send: { type: price, symbol: '{{state.symbol ?? "ACME"}}', price: '{{float 90 110 2}}' }
  otherwise:
    send: { type: error, reason: 'unknown: {{message.type ?? message}}' }
`,
    },
  ]
}
