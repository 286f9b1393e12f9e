/** Text goes in as text: what other people sent never becomes markup. */
export function make(tag, properties = {}, ...children) {
  const { data = {}, attributes = {}, ...rest } = properties
  const element = Object.assign(document.createElement(tag), rest)
  Object.assign(element.dataset, data)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

export function formatTime(date, withMilliseconds = false) {
  const text = clock.format(date)
  return withMilliseconds ? `${text}.${String(date.getMilliseconds()).padStart(3, '0')}` : text
}

/** Handles `submit` in place; the form's fields are given by name. */
export function onSubmit(form, handle) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    handle(form.elements)
  })
}
