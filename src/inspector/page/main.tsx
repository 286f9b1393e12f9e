import { render } from 'preact'
import { App } from './app.tsx'
import { run } from './feed.ts'

render(<App />, document.body)
void run()
