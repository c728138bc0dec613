import './ahead.ts'
import { render } from 'preact'
import { Shell } from './app/shell.tsx'
import { followTheme } from './app/theme.ts'

followTheme()
const root = document.getElementById('console')
if (root) {
  render(<Shell />, root)
  root.inert = false // the frame that the service puts into the page of a flag list does nothing
}
