import { SESSION } from './session.ts'

/** How many flags are read by themselves at first. */
export const FIRST_ROWS = '50'
/** URL of the first flags of the project `{project}`. */
const FIRST_ROWS_URL = `/api/v1/projects/{project}/matrix?limit=${FIRST_ROWS}`
/** What the flag list of the project `{project}` needs first. The page names these URLs, so that the browser reads them before any script. */
export const FIRST_REQUESTS = [FIRST_ROWS_URL, SESSION] as const

/** URL of the first flags of a project. */
export const firstRowsUrl = (project: string): string => urlFor(FIRST_ROWS_URL, project)

/** One of these URLs for a project. */
export const urlFor = (template: string, project: string): string =>
  template.replace('{project}', encodeURIComponent(project))
