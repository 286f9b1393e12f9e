import { mountChat } from './chat.js'
import { describeClose, mountConnectionBar } from './connection-bar.js'
import { Connection } from './connection.js'
import { Conversation } from './conversation.js'
import { mountEcho } from './echo.js'
import { Frames } from './frames.js'
import { mountGame } from './game.js'
import { Identity } from './identity.js'
import { mountRooms } from './rooms.js'
import { mountTabs } from './tabs.js'

const PANELS = { chat: mountChat, rooms: mountRooms, game: mountGame, echo: mountEcho }

const identity = new Identity(document.querySelector('#identity'))
const frames = new Frames()
const connections = new Map()

for (const [name, mount] of Object.entries(PANELS)) {
  const panel = document.querySelector(`#panel-${name}`)
  const bar = panel.querySelector('.connection')
  const connection = new Connection(name, bar.dataset.path)
  const conversation = new Conversation(panel.querySelector('.log'))
  const tab = document.querySelector(`#tab-${name}`)
  connection.addEventListener('frame', ({ detail }) => frames.add(detail))
  connection.addEventListener('state', () => {
    tab.dataset.state = connection.state
    if (connection.state === 'closed') conversation.note(`${describeClose(connection.lastClose)}.`, 'bad')
  })
  mountConnectionBar(bar, connection)
  mount(panel, connection, conversation, identity)
  connections.set(name, connection)
}

// A handler is connected to when it is first looked at; later that is up to the buttons.
mountTabs(document.querySelector('.tabs'), (name) => {
  const connection = connections.get(name)
  if (connection.state === 'idle') connection.open()
})
