beforeEach(() => {
  cy.task('sidewire:reset')
  cy.task<string>('sidewire:url', '/chat').then((chat) => {
    cy.visit('index.html', { qs: { chat } })
  })
})

// Fails if a hook of the mock has.
afterEach(() => {
  cy.task('sidewire:verify')
})

it('joins, and shows what it is told', () => {
  cy.task('sidewire:next', { match: { type: 'join' } })
  cy.task('sidewire:send', { data: { text: 'welcome' } })
  cy.contains('welcome')
})

it('comes back when the network has gone', () => {
  cy.task('sidewire:connection')
  cy.task('sidewire:refuse', { pattern: '/chat', times: 1 })
  cy.task('sidewire:drop')
  cy.contains('offline')
  cy.task('sidewire:connection')
  cy.task('sidewire:next', { match: { type: 'join' } })
  cy.contains('open')
})
