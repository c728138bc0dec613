/** Path of the console as the browser sees it, without a slash at the end: scripts lie in `<console>/assets/`. */
export const CONSOLE = new URL('..', import.meta.url).pathname.replace(/\/$/, '')
/** Path of the service as the browser sees it; empty where it is the root. */
export const SERVICE = CONSOLE.replace(/\/console$/, '')

const path = (...names: readonly string[]) => [CONSOLE, ...names.map(encodeURIComponent)].join('/')

/** URLs of the pages. Links are written with these only. */
export const paths = {
  flags: (project: string) => path('p', project, 'flags'),
  flag: (project: string, key: string, environment?: string) =>
    environment === undefined ? path('p', project, 'flags', key) : path('p', project, 'flags', key, environment),
  segments: (project: string) => path('p', project, 'segments'),
  segment: (project: string, environment: string, name: string) => path('p', project, 'segments', environment, name),
  /** Two environments; of one flag if it is given. Without a pair, the last one. */
  compare: (project: string, of: { source?: string; target?: string; flag?: string | undefined } = {}) => {
    const given = Object.entries(of).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
    return path('p', project, 'compare') + (given.length === 0 ? '' : `?${new URLSearchParams(given)}`)
  },
  changes: (project: string) => path('p', project, 'changes'),
  keys: () => path('keys'),
  settings: () => path('settings'),
  welcome: () => path('welcome'),
  signIn: () => path('sign-in'),
}

/** The project of a page, by its path; undefined for pages of none. */
export const projectOf = (path: string): string | undefined => {
  const [, project] = /^\/p\/([^/]+)/.exec(path.slice(CONSOLE.length)) ?? []
  return project && decodeURIComponent(project)
}
