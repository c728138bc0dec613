import { keepAhead } from './api/ahead.ts'
import { read } from './api/client.ts'
import { firstRowsUrl } from './api/matrix.ts'
import { SESSION } from './api/session.ts'
import { applyTheme, chosenTheme } from './app/chosen-theme.ts'
import { CONSOLE } from './app/paths.ts'

// The first requests of the flag list are sent before the application is loaded, and nothing is painted in another theme than the chosen one.
const [, project] = /^\/p\/([\w.~-]+)\/flags\/?$/.exec(location.pathname.slice(CONSOLE.length)) ?? []
if (project !== undefined) for (const url of [firstRowsUrl(project), SESSION]) keepAhead(url, read(url))
applyTheme(chosenTheme())
