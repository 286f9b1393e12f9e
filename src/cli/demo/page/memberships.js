import { make } from './dom.js'

/** What this tab has joined, as chips, and the choice of where to send. */
export class Memberships {
  #names = new Set()
  #chips
  #choice
  #button

  /**
   * @param chips - the list element
   * @param choice - the `select` of where to send
   * @param button - makes a chip's button from a name: `{ text, label, run }`
   */
  constructor(chips, choice, button) {
    this.#chips = chips
    this.#choice = choice
    this.#button = button
  }

  get chosen() {
    return this.#choice.value
  }

  has(name) {
    return this.#names.has(name)
  }

  add(name) {
    this.#names.add(name)
    this.#render()
    this.#choice.value = name
  }

  delete(name) {
    this.#names.delete(name)
    this.#render()
  }

  clear() {
    this.#names.clear()
    this.#render()
  }

  #render() {
    const chosen = this.#choice.value
    const names = [...this.#names]
    this.#chips.replaceChildren(...names.map((name) => this.#chip(name)))
    this.#choice.replaceChildren(...names.map((name) => make('option', { value: name, textContent: name })))
    if (this.#names.has(chosen)) this.#choice.value = chosen
  }

  #chip(name) {
    const { text, label, run } = this.#button(name)
    const button = make('button', { type: 'button', textContent: text, attributes: { 'aria-label': label } })
    button.addEventListener('click', () => run(button))
    return make('li', {}, make('span', { textContent: name }), button)
  }
}
