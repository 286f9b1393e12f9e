import { formatTime, make } from './dom.js'
import { hexDump, highlight, prettyJson } from './payload.js'
import { ScrollLog } from './scroll-log.js'

/** Characters of one payload that are shown; more would make the page slow, not wiser. */
const SHOWN = 20_000

const DIRECTIONS = {
  sent: ['↑', 'Sent'],
  received: ['↓', 'Received'],
  open: ['●', 'Opened'],
  closing: ['↑', 'Close sent'],
  close: ['■', 'Closed'],
}

/** The list of everything that went over the wire. */
export class Frames {
  #list = document.querySelector('#frame-list')
  #log = new ScrollLog(this.#list)
  #count = document.querySelector('#frame-count')
  #pretty = document.querySelector('#frame-pretty')
  #filter = document.querySelector('#frame-filter')
  #total = 0

  constructor() {
    document.querySelector('#frame-clear').addEventListener('click', () => {
      this.#list.replaceChildren()
      this.#setTotal(0)
    })
    this.#pretty.addEventListener('click', () => {
      const on = !this.#isPretty()
      this.#pretty.setAttribute('aria-pressed', String(on))
      for (const details of this.#list.querySelectorAll('details')) details.open = on
      this.#log.settle()
    })
    this.#filter.addEventListener('change', () => {
      for (const item of this.#list.children) item.hidden = !this.#isShown(item)
      this.#log.settle()
    })
  }

  add({ connection, time, kind, content, size }) {
    const [arrow, word] = DIRECTIONS[kind]
    const { preview, body, hex = false } = present(kind, content)
    const summary = make(
      'summary',
      {},
      make(
        'span',
        { className: 'meta' },
        make('span', { className: 'arrow', textContent: arrow, attributes: { 'aria-hidden': 'true' } }),
        make('span', { className: 'direction', textContent: word }),
        make('span', { className: 'tag', textContent: connection }),
        make('span', { className: 'size', textContent: size === undefined ? '' : formatSize(size) }),
        make('time', { dateTime: time.toISOString(), textContent: formatTime(time, true) }),
      ),
      make('span', { className: 'preview' }, preview),
    )
    // Only the dump scrolls sideways, so only it has to be reached by Tab.
    const pre = make('pre', hex ? { className: 'hex', tabIndex: 0 } : {}, body)
    const details = make('details', { open: this.#isPretty() }, summary, pre)
    const item = make('li', { className: 'frame', data: { kind, connection } }, details)
    item.hidden = !this.#isShown(item)
    this.#log.append(item)
    this.#setTotal(this.#total + 1)
  }

  #isPretty() {
    return this.#pretty.getAttribute('aria-pressed') === 'true'
  }

  #isShown(item) {
    return this.#filter.value === '' || item.dataset.connection === this.#filter.value
  }

  #setTotal(total) {
    this.#total = total
    this.#count.textContent = String(total)
  }
}

function present(kind, content) {
  if (kind === 'open') return { preview: content.url, body: highlight(prettyJson(content)) }
  if (kind === 'close' || kind === 'closing') {
    const reason = content.reason ? ` “${content.reason}”` : ''
    return { preview: `${content.code} ${content.name}${reason}`, body: highlight(prettyJson(content)) }
  }
  if (typeof content !== 'string') {
    const dump = hexDump(content, SHOWN / 5)
    return { preview: `binary ${dump.split('\n', 1)[0].slice(6, 54).trim()}`, body: dump, hex: true }
  }
  const shown =
    content.length > SHOWN ? `${content.slice(0, SHOWN)}… (${content.length} characters)` : content
  let body = shown
  try {
    body = highlight(prettyJson(JSON.parse(shown)))
  } catch {
    // Not JSON, or cut off: as it came.
  }
  return { preview: highlight(shown.slice(0, 300)), body }
}

function formatSize(bytes) {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`
}
