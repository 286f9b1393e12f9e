/** Entries that a list keeps; more would make the page slow. */
const LIMIT = 500

/** A scrolling list that keeps its end in view, unless the reader has scrolled up. */
export class ScrollLog {
  #list
  #atEnd = true

  constructor(list) {
    this.#list = list
    list.addEventListener('scroll', () => {
      // A list in a hidden panel has no place to speak of.
      if (list.clientHeight > 0) this.#atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 24
    })
    // Also when the panel is shown again, or something above it opens.
    new ResizeObserver(() => this.settle()).observe(list)
  }

  append(item) {
    this.#list.append(item)
    while (this.#list.children.length > LIMIT) this.#list.firstElementChild.remove()
    this.settle()
  }

  /** To be called when entries have changed their height. */
  settle() {
    if (this.#atEnd) this.#list.scrollTop = this.#list.scrollHeight
  }
}
