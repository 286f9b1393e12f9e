import { onSubmit } from './dom.js'

/** The guide's "Chat Application": `join`, then `message`. */
export function mountChat(panel, connection, conversation, identity) {
  const join = panel.querySelector('[data-join]')
  const form = panel.querySelector('form[data-message]')
  let joined = false

  join.addEventListener('click', () => {
    const username = identity.claim()
    if (!connection.send({ type: 'join', username }))
      return conversation.note('Not connected: connect first, then join.', 'bad')
    setJoined(true)
    conversation.note(`You joined as ${username}.`, 'good')
    form.elements.text.focus()
  })

  onSubmit(form, ({ text }) => {
    const message = text.value.trim()
    if (message === '') return
    if (connection.state !== 'open') return conversation.note('Not connected: nothing was sent.', 'bad')
    if (!joined) return conversation.note('Join the chat first.', 'bad')
    connection.send({ type: 'message', username: identity.claim(), message })
    text.value = ''
  })

  connection.addEventListener('message', ({ detail }) => {
    if (detail?.type === 'user-joined') conversation.note(`${detail.username} joined.`)
    if (detail?.type === 'chat-message')
      conversation.say({
        who: String(detail.username),
        text: String(detail.message),
        own: identity.isOwn(detail.username),
      })
  })

  connection.addEventListener('state', () => {
    if (connection.state === 'closed') setJoined(false)
  })

  function setJoined(value) {
    joined = value
    join.textContent = value ? 'Join again' : 'Join chat'
    join.classList.toggle('primary', !value)
  }
}
