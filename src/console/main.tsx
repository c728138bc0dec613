import { render } from 'preact'

const root = document.getElementById('console')
if (root) render(<h1>Flagstaff</h1>, root)
