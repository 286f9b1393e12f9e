import { title } from './title.js'

const heading = document.querySelector('#title')
heading.textContent = title
// An edit of title.js changes the heading only: the page, and its sockets, stay.
import.meta.hot?.accept('./title.js', (changed) => {
  heading.textContent = changed.title
})

const base = `${location.protocol.replace('http', 'ws')}//${location.host}/api/ws`

const chat = new WebSocket(`${base}/chat`)
chat.addEventListener('message', ({ data }) => {
  const entry = document.createElement('li')
  const { message } = JSON.parse(data)
  entry.textContent = message
  document.querySelector('#log').append(entry)
})
document.querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault()
  const { text } = event.target.elements
  chat.send(JSON.stringify({ type: 'chat', message: text.value }))
  text.value = ''
})

const clock = new WebSocket(`${base}/clock`)
clock.addEventListener('open', () => clock.send('now'))
clock.addEventListener('message', ({ data }) => {
  document.querySelector('#clock').textContent = data
})
// Ask again on a click.
document.querySelector('#clock').addEventListener('click', () => clock.send('now'))
