import { title } from './title.ts'

function element(selector: string): Element {
  const found = document.querySelector(selector)
  if (!found) throw new Error(`the page has no ${selector}`)
  return found
}

const heading = element('#title')
heading.textContent = title
// An edit of title.ts changes the heading only: the page, and its sockets, stay.
import.meta.hot?.accept('./title.ts', (changed) => {
  heading.textContent = changed?.['title']
})

const base = `${location.protocol.replace('http', 'ws')}//${location.host}/api/ws`

const chat = new WebSocket(`${base}/chat`)
const log = element('#log')
chat.addEventListener('message', ({ data }) => {
  const entry = document.createElement('li')
  const { message } = JSON.parse(data) as { message: string }
  entry.textContent = message
  log.append(entry)
})
const text = element('input') as HTMLInputElement
element('form').addEventListener('submit', (event) => {
  event.preventDefault()
  chat.send(JSON.stringify({ type: 'chat', message: text.value }))
  text.value = ''
})

const clock = new WebSocket(`${base}/clock`)
const time = element('#clock')
clock.addEventListener('open', () => clock.send('now'))
clock.addEventListener('message', ({ data }) => {
  time.textContent = String(data)
})
// Ask again on a click.
time.addEventListener('click', () => clock.send('now'))
