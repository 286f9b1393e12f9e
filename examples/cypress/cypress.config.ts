import { defineConfig } from 'cypress'
import { sidewireTasks } from 'sidewire/cypress'

export default defineConfig({
  e2e: {
    supportFile: false,
    async setupNodeEvents(on) {
      await sidewireTasks(on, [{ pattern: '/chat' }])
    },
  },
})
