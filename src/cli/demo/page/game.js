import { onSubmit } from './dom.js'
import { Memberships } from './memberships.js'

/** The guide's "Game Server": a lobby, games by id, and actions that all players of a game hear. */
export function mountGame(panel, connection, conversation) {
  const joinForm = panel.querySelector('form[data-join]')
  const form = panel.querySelector('form[data-action]')
  const games = new Memberships(panel.querySelector('[data-chips]'), form.elements.game, (id) => ({
    text: 'Copy id',
    label: `Copy id ${id}`,
    run: (button) => copy(id, button),
  }))
  const notConnected = () => conversation.note('Not connected: nothing was sent.', 'bad')

  panel.querySelector('[data-create]').addEventListener('click', () => {
    if (!connection.send({ type: 'create-game' })) notConnected()
  })

  onSubmit(joinForm, ({ game }) => {
    const gameId = game.value.trim()
    if (gameId === '') return game.focus()
    if (games.has(gameId)) return conversation.note(`You are in game ${gameId} already.`)
    if (!connection.send({ type: 'join-game', gameId })) return notConnected()
    games.add(gameId)
    game.value = ''
    conversation.note(`You joined game ${gameId}.`, 'good')
    form.elements.action.focus()
  })

  onSubmit(form, ({ action }) => {
    const text = action.value.trim()
    if (text === '') return
    if (connection.state !== 'open') return notConnected()
    if (games.chosen === '') return conversation.note('Create or join a game first.', 'bad')
    connection.send({ type: 'game-action', gameId: games.chosen, action: text })
    action.select()
  })

  connection.addEventListener('message', ({ detail }) => {
    switch (detail?.type) {
      case 'joined-lobby':
        return conversation.note('You are in the lobby.', 'good')
      case 'game-created':
        games.add(detail.gameId)
        return conversation.note(`You created game ${detail.gameId}. Join it from a second tab.`, 'good')
      case 'player-joined':
        return conversation.note(`${player(detail)} joined your game.`)
      case 'game-update':
        // The server tells nobody their own id: a tab knows its player only by what it sends.
        return conversation.say({ who: player(detail), text: String(detail.action) })
    }
  })

  connection.addEventListener('state', () => {
    if (connection.state === 'closed') games.clear()
  })

  async function copy(id, button) {
    try {
      await navigator.clipboard.writeText(id)
      button.textContent = 'Copied'
    } catch {
      // No clipboard outside of https and localhost: the id stays readable beside the button.
      conversation.note(`The browser keeps the clipboard to itself; the id is ${id}.`, 'bad')
    }
  }
}

/** The first part of the connection's UUID tells players apart well enough. */
function player({ playerId }) {
  return String(playerId).slice(0, 8)
}
