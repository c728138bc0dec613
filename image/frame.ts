// Prints the HTML that the console renders for a flag list before it has data, with {project} in place of the project. The service puts it into
// the page of a flag list, so that the frame is painted before any script has arrived. It is made by the built application in a DOM without
// a browser, and so cannot differ from what the application renders first.
// node image/frame.ts dist/console/assets/main-….js
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseHTML } from 'linkedom'

const [script = ''] = process.argv.slice(2)
const url = pathToFileURL(resolve(script))
/** The application takes the path of the console from the URL of its own script. */
const base = pathToFileURL(dirname(dirname(resolve(script)))).pathname
const { document, window } = parseHTML('<!doctype html><html><body><div id="console"></div></body></html>')

const nothing = () => undefined
const location = new URL(`${base}/p/{project}/flags`, 'http://localhost')
const matchMedia = () => ({ matches: false, addEventListener: nothing, removeEventListener: nothing })
/** No request is sent: effects run after the first rendering, and the process has ended then. */
Object.assign(globalThis, { document, window, location, matchMedia, history: { state: null }, self: globalThis })
Object.assign(document, { visibilityState: 'visible' })
Object.assign(globalThis, { addEventListener: nothing, removeEventListener: nothing, HTMLElement: window.HTMLElement })

await import(url.href)
const html = document.getElementById('console')?.innerHTML ?? ''
if (!html.includes('<h1>')) throw new Error(`The console renders no frame:\n${html}`)
const [forbidden] = /\s(?:style|on\w+)=|<script/.exec(html) ?? []
if (forbidden !== undefined) throw new Error(`The policy of the page refuses "${forbidden}":\n${html}`)
process.stdout.write(
  html.replaceAll(`"${base}/`, '"/console/').replaceAll(encodeURIComponent('{project}'), '{project}'),
)
process.exit(0)
