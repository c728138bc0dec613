import { keepAhead } from './api/ahead.ts'
import { read } from './api/client.ts'
import { FIRST_REQUESTS, urlFor } from './api/first-requests.ts'
import { applyTheme, chosenTheme } from './app/chosen-theme.ts'
import { CONSOLE } from './app/paths.ts'

// The first responses of the flag list are read before the application is loaded, and nothing is painted in another theme than the chosen one.
const [, project] = /^\/p\/([\w.~-]+)\/flags\/?$/.exec(location.pathname.slice(CONSOLE.length)) ?? []
if (project !== undefined)
  for (const url of FIRST_REQUESTS.map((template) => urlFor(template, project))) keepAhead(url, read(url))
applyTheme(chosenTheme())
