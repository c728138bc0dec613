import { Hono } from 'hono'
import { bodyLimit, MANAGEMENT_BYTES_MAX } from '../middleware/body-limit.ts'
import type { Authenticate } from '../snapshot/authenticator.ts'
import type { Database } from '../store/database.ts'
import { changeRoutes, historyRoutes } from './changes.ts'
import { definitionRoutes } from './definitions.ts'
import { type Changed, environmentRoutes } from './environments.ts'
import { flagRoutes } from './flags.ts'
import { flagSetRoutes } from './flagset.ts'
import { keyRoutes } from './keys.ts'
import { openApi } from './openapi.ts'
import type { Log } from './problem.ts'
import { projectRoutes } from './projects.ts'
import { jsonOnly, wellFormedAddress } from './route.ts'
import { usageRoutes } from './usage.ts'

/** What the management API needs of the rest of the house. */
export type ManagementDoors = {
  readonly authenticate: Authenticate
  readonly database: Database
  readonly flagsChanged: Changed
  readonly keysChanged: () => Promise<void>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Log
}

/** The management API with its description: the part of the table of routes that is loaded with the first request for it. */
export function management(doors: ManagementDoors): Hono {
  const api = managementApi(doors)
  return new Hono().route('/', api).route('/', openApi(api))
}

/** `/api/v1`: everything that changes something, and its record. */
function managementApi({ database, authenticate, flagsChanged, keysChanged, now }: ManagementDoors): Hono {
  return new Hono()
    .use('/api/v1/*', wellFormedAddress, bodyLimit(MANAGEMENT_BYTES_MAX), jsonOnly)
    .route('/api/v1/projects', projectRoutes(database, authenticate))
    .route('/api/v1/projects', environmentRoutes(database, authenticate, flagsChanged))
    .route('/api/v1/projects', flagRoutes(database, authenticate, flagsChanged))
    .route('/api/v1/projects', definitionRoutes(database, authenticate, flagsChanged))
    .route('/api/v1/projects', flagSetRoutes(database, authenticate, flagsChanged))
    .route('/api/v1/projects', historyRoutes(database, authenticate))
    .route('/api/v1/projects', usageRoutes(database, authenticate, now))
    .route('/api/v1/changes', changeRoutes(database, authenticate))
    .route('/api/v1/keys', keyRoutes(database, authenticate, keysChanged))
}
