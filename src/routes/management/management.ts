import { Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { bodyLimit, MANAGEMENT_BYTES_MAX } from '../../middleware/body-limit.ts'
import type { Database } from '../../repository/postgres/database.ts'
import type { LogLine } from '../../telemetry/log.ts'
import { changeRoutes, historyRoutes } from './changes.ts'
import { definitionRoutes } from './definitions.ts'
import { type Changed, environmentRoutes } from './environments.ts'
import { flagSetRoutes } from './flag-set.ts'
import { flagRoutes } from './flags.ts'
import { keyRoutes } from './keys.ts'
import { openApi } from './openapi.ts'
import { projectRoutes } from './projects.ts'
import { usageRoutes } from './usage.ts'
import { jsonOnly, wellFormedAddress } from './validation.ts'

/** What the management API needs of the rest of the service. */
export type ManagementDependencies = {
  readonly authenticate: Authenticate
  readonly database: Database
  readonly flagsChanged: Changed
  readonly keysChanged: () => Promise<void>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: LogLine
}

/** The management API with its description: the part of the table of routes that is loaded with the first request for it. */
export function management(dependencies: ManagementDependencies): Hono {
  const api = managementApi(dependencies)
  return new Hono().route('/', api).route('/', openApi(api))
}

/** `/api/v1`: everything that changes something, and its record. */
function managementApi({ database, authenticate, flagsChanged, keysChanged, now }: ManagementDependencies): Hono {
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
