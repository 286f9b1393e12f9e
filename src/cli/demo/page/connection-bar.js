const WORDS = {
  idle: 'Not connected',
  connecting: 'Connecting…',
  open: 'Connected',
  closing: 'Closing…',
}

/** State, URL and buttons of one connection. */
export function mountConnectionBar(place, connection) {
  place.append(document.querySelector('#connection-bar').content.cloneNode(true))
  const find = (name) => place.querySelector(`[data-${name}]`)
  const toggle = find('toggle')
  const code = find('code')
  const reason = find('reason')
  find('url').textContent = connection.url

  // One button for both, as a button that vanishes or is disabled would take the keyboard's focus with it.
  toggle.addEventListener('click', () => {
    if (connection.state === 'idle' || connection.state === 'closed') return connection.open()
    try {
      connection.close(Number(code.value), reason.value)
    } catch (error) {
      find('state').textContent = `Not closed: ${error.message}`
    }
  })
  find('reconnect').addEventListener('click', () => connection.reconnect())

  const show = () => {
    const { state } = connection
    place.dataset.state = state
    find('state').textContent = state === 'closed' ? describeClose(connection.lastClose) : WORDS[state]
    toggle.textContent = state === 'idle' || state === 'closed' ? 'Connect' : 'Disconnect'
  }
  connection.addEventListener('state', show)
  show()
}

export function describeClose({ code, name, reason, by }) {
  const what = `${code} ${name}${reason ? `, “${reason}”` : ''}`
  if (by === 'no close frame') return `Closed: ${what}`
  return `Closed by ${by}: ${what}`
}
