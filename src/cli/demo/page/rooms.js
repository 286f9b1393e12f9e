import { onSubmit } from './dom.js'
import { Memberships } from './memberships.js'

/** The guide's "Rooms": `join-room`, `leave-room`, and `message` to one room. */
export function mountRooms(panel, connection, conversation, identity) {
  const joinForm = panel.querySelector('form[data-join]')
  const form = panel.querySelector('form[data-message]')
  const rooms = new Memberships(panel.querySelector('[data-chips]'), form.elements.room, (room) => ({
    text: 'Leave',
    label: `Leave ${room}`,
    run: () => leave(room),
  }))

  onSubmit(joinForm, ({ room }) => {
    const name = room.value.trim()
    if (name === '') return room.focus()
    if (rooms.has(name)) return conversation.note(`You are in ${name} already.`)
    if (!connection.send({ type: 'join-room', room: name, username: identity.claim() }))
      return conversation.note('Not connected: connect first, then join.', 'bad')
    rooms.add(name)
    conversation.note(`You joined ${name}.`, 'good')
    form.elements.text.focus()
  })

  onSubmit(form, ({ text }) => {
    const message = text.value.trim()
    if (message === '') return
    if (connection.state !== 'open') return conversation.note('Not connected: nothing was sent.', 'bad')
    if (rooms.chosen === '') return conversation.note('Join a room first.', 'bad')
    connection.send({ type: 'message', room: rooms.chosen, username: identity.claim(), text: message })
    text.value = ''
  })

  connection.addEventListener('message', ({ detail }) => {
    if (detail?.type === 'user-joined') conversation.note(`${detail.username} joined ${detail.room}.`)
    // The guide's message names no room, so neither does the page.
    if (detail?.type === 'chat-message')
      conversation.say({
        who: String(detail.from),
        text: String(detail.text),
        own: identity.isOwn(detail.from),
      })
  })

  connection.addEventListener('state', () => {
    if (connection.state === 'closed') rooms.clear()
  })

  function leave(room) {
    connection.send({ type: 'leave-room', room })
    rooms.delete(room)
    conversation.note(`You left ${room}.`)
    // The chip with the focused button is gone.
    joinForm.elements.room.focus()
  }
}
