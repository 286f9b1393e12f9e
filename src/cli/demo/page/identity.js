const NAMES = [
  'Ada',
  'Grace',
  'Alan',
  'Edsger',
  'Barbara',
  'Ken',
  'Radia',
  'Tim',
  'Hedy',
  'Vint',
  'Frances',
  'Dennis',
]
const KEY = 'sidewire-demo-name'

/** Who this tab is. Kept for the session, so a reload stays the same person and a new tab is another one. */
export class Identity {
  #input
  #used = new Set()

  constructor(form) {
    this.#input = form.elements.name
    // Somebody may have typed before this script ran.
    this.#input.value ||= sessionStorage.getItem(KEY) ?? NAMES[Math.floor(Math.random() * NAMES.length)]
    this.#input.addEventListener('input', () => this.#changed())
    form.addEventListener('submit', (event) => event.preventDefault())
    this.#changed()
  }

  get name() {
    return this.#input.value.trim() || 'Anonymous'
  }

  /** The name to send; what comes back under it is ours. */
  claim() {
    this.#used.add(this.name)
    return this.name
  }

  isOwn(name) {
    return this.#used.has(name)
  }

  #changed() {
    sessionStorage.setItem(KEY, this.name)
    document.title = `${this.name} · sidewire demo`
  }
}
