/**
 * Tabs as the ARIA Authoring Practices have them: one stop for Tab, arrows move between them. The address keeps
 * the choice, so a reload or a link shows the same one.
 */
export function mountTabs(list, onShow) {
  const tabs = [...list.querySelectorAll('[role=tab]')]
  const show = (tab) => {
    for (const each of tabs) {
      const chosen = each === tab
      each.setAttribute('aria-selected', String(chosen))
      each.tabIndex = chosen ? 0 : -1
      document.getElementById(each.getAttribute('aria-controls')).hidden = !chosen
    }
    onShow(tab.dataset.tab)
  }
  const fromAddress = () => tabs.find((tab) => `#${tab.dataset.tab}` === location.hash)
  const choose = (tab) => {
    history.replaceState(null, '', `#${tab.dataset.tab}`)
    show(tab)
  }

  for (const tab of tabs) tab.addEventListener('click', () => choose(tab))
  list.addEventListener('keydown', (event) => {
    const at = tabs.indexOf(document.activeElement)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key]
    if (at < 0 || to === undefined) return
    event.preventDefault()
    const tab = tabs.at(to % tabs.length)
    tab.focus()
    choose(tab)
  })
  addEventListener('hashchange', () => {
    const tab = fromAddress()
    if (tab) show(tab)
  })
  show(fromAddress() ?? tabs[0])
}
