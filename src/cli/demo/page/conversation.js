import { formatTime, make } from './dom.js'
import { ScrollLog } from './scroll-log.js'

const HUES = 6

/** A log for people: who said what, and notes of what happened. */
export class Conversation {
  #log

  constructor(list) {
    this.#log = new ScrollLog(list)
  }

  say({ who, text, own = false, mono = false, detail = '' }) {
    const time = new Date()
    const line = make(
      'li',
      { className: own ? 'said own' : 'said' },
      make('span', {
        className: 'avatar',
        textContent: [...who][0]?.toUpperCase() ?? '?',
        data: { hue: hueOf(who) },
        attributes: { 'aria-hidden': 'true' },
      }),
      make(
        'div',
        { className: 'bubble' },
        make(
          'p',
          { className: 'by' },
          make('strong', { textContent: who }),
          make('time', { dateTime: time.toISOString(), textContent: formatTime(time) }),
          detail,
        ),
        make('p', { className: mono ? 'text mono' : 'text', textContent: text }),
      ),
    )
    this.#log.append(line)
  }

  /** @param tone - 'info' | 'good' | 'bad' */
  note(text, tone = 'info') {
    this.#log.append(make('li', { className: 'note', textContent: text, data: { tone } }))
  }
}

/** The same person has the same colour in every tab. */
function hueOf(name) {
  let sum = 0
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 9973
  return String(sum % HUES)
}
