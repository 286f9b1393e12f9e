import { onSubmit } from './dom.js'

/** Sends anything and measures how long it takes to come back. */
export function mountEcho(panel, connection, conversation, identity) {
  const form = panel.querySelector('form[data-message]')
  /** When each message left; answers come in the order of the questions. */
  let waiting = []

  onSubmit(form, ({ text, as }) => {
    const payload = as.value === 'binary' ? new TextEncoder().encode(text.value) : text.value
    const sentAt = performance.now()
    if (!connection.send(payload)) return conversation.note('Not connected: nothing was sent.', 'bad')
    waiting.push(sentAt)
    conversation.say({ who: identity.name, text: text.value, own: true, mono: true })
  })

  // A textarea keeps Enter for itself.
  form.elements.text.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
  })

  connection.addEventListener('message', ({ detail }) => {
    const sentAt = waiting.shift()
    const took = sentAt === undefined ? '' : `${(performance.now() - sentAt).toFixed(1)} ms`
    conversation.say({ who: 'echo', text: textOf(detail), mono: true, detail: took })
  })

  connection.addEventListener('state', () => {
    if (connection.state === 'closed') waiting = []
  })
}

function textOf(data) {
  if (typeof data === 'string') return data
  if (data instanceof ArrayBuffer) return `${new TextDecoder().decode(data)} (${data.byteLength} bytes)`
  return JSON.stringify(data)
}
