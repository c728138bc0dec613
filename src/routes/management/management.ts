import { Hono, type MiddlewareHandler } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import type { Principal } from '../../cache/key-set.ts'
import { bodyLimit, MANAGEMENT_BYTES_MAX } from '../../middleware/body-limit.ts'
import type { SessionsOptions } from '../../middleware/session.ts'
import type { Database } from '../../repository/postgres/database.ts'
import type { LogLine } from '../../telemetry/log.ts'
import type { Streams } from '../ofrep/streams.ts'
import { sessionsOf } from '../session.ts'
import { changeRoutes, historyRoutes } from './changes.ts'
import { definitionRoutes } from './definitions.ts'
import { environmentRoutes, type RefreshFlags } from './environments.ts'
import { type CurrentSnapshot, explainRoutes } from './explain.ts'
import { flagSetRoutes } from './flag-set.ts'
import { flagRoutes } from './flags.ts'
import { keyRoutes } from './keys.ts'
import { managerRoutes } from './managed/managers.ts'
import { openApi } from './openapi.ts'
import { projectEventRoutes } from './overview/events.ts'
import { matrixRoutes } from './overview/matrix.ts'
import { ProjectWatch } from './overview/project-watch.ts'
import { projectRoutes } from './projects.ts'
import { copyRoutes } from './promotion/copy.ts'
import { promotionRoutes } from './promotion/promotion.ts'
import { planRoutes } from './releases/plans.ts'
import { scheduleRoutes } from './releases/schedule.ts'
import { attributeRoutes } from './rules/attributes.ts'
import { segmentRoutes } from './rules/segments.ts'
import { groupRoutes } from './shares/groups.ts'
import { holdoutRoutes } from './shares/holdouts.ts'
import { overrideRoutes } from './shares/overrides.ts'
import { splitRoutes } from './shares/split.ts'
import { archiveRoutes } from './stale/archive.ts'
import { codeReferenceRoutes } from './stale/code-references.ts'
import { staleRoutes } from './stale/stale.ts'
import { usageReportRoutes } from './stale/usage-report.ts'
import { usageRoutes } from './usage.ts'
import { jsonOnly, wellFormedUrl } from './validation.ts'

const PROJECT = '/api/v1/projects/:project'
const ENVIRONMENT = `${PROJECT}/environments/:environment`

/** What the management API needs of the rest of the service. */
export type ManagementDependencies = {
  readonly authenticate: Authenticate
  readonly database: Database
  readonly current: CurrentSnapshot
  readonly refreshFlags: RefreshFlags
  readonly refreshKeys: () => Promise<void>
  /** Stores the evaluations that this replica has counted. */
  readonly storeUsage: () => Promise<void>
  readonly findByDigest: SessionsOptions['findByDigest']
  /** Whether the key of a principal that was found earlier is still usable. */
  readonly isUsable: (principal: Principal) => Promise<boolean>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: LogLine
  /** Undefined where event streams are not served. */
  readonly events?: { readonly streams: Streams } | undefined
}

/** The management API with its OpenAPI document. Loaded with the first request for it. */
export function management(dependencies: ManagementDependencies): Hono {
  const { database, events } = dependencies
  const watch = new ProjectWatch(database)
  const refreshFlags: RefreshFlags = async (scope) => {
    await dependencies.refreshFlags(scope)
    watch.check(scope.slice(0, scope.indexOf('/')))
  }
  const api = managementApi({ ...dependencies, refreshFlags })
  if (events) api.route(`${PROJECT}/events`, projectEventRoutes(watch, { ...dependencies, streams: events.streams }))
  return new Hono().route('/', api).route('/', openApi(api))
}

/**
 * No cache that clients share may keep a response: one with a session's cookie or an `X-API-Key` has no `Authorization`, which alone forbids
 * it (RFC 9111 §3.5). A route may say more.
 */
const privateCache: MiddlewareHandler = async (c, next) => {
  await next()
  if (!c.res.headers.has('cache-control')) c.header('cache-control', 'private, no-cache')
  c.header('vary', 'Authorization, X-API-Key, Cookie', { append: true })
}

function managementApi(dependencies: ManagementDependencies): Hono {
  const { database, authenticate, current, refreshFlags, refreshKeys, storeUsage, now } = dependencies
  return new Hono()
    .use(
      '/api/v1/*',
      privateCache,
      wellFormedUrl,
      bodyLimit(MANAGEMENT_BYTES_MAX),
      jsonOnly,
      sessionsOf(dependencies).middleware,
    )
    .route('/api/v1/projects', projectRoutes(database, authenticate))
    .route(`${PROJECT}/environments`, environmentRoutes(database, authenticate, refreshFlags))
    .route(`${PROJECT}/flags`, flagRoutes(database, authenticate, refreshFlags))
    .route(`${PROJECT}/flags`, archiveRoutes(database, authenticate, refreshFlags))
    .route(`${PROJECT}/matrix`, matrixRoutes(database, authenticate, now))
    .route(PROJECT, attributeRoutes(database, authenticate))
    .route(`${PROJECT}/stale`, staleRoutes(database, authenticate, now))
    .route(PROJECT, codeReferenceRoutes(database, authenticate))
    .route(PROJECT, promotionRoutes(database, authenticate, refreshFlags))
    .route(`${ENVIRONMENT}/flags`, definitionRoutes(database, authenticate, refreshFlags))
    .route(`${ENVIRONMENT}/flags`, copyRoutes(database, authenticate, refreshFlags))
    .route(`${ENVIRONMENT}/flags`, splitRoutes(database, authenticate, refreshFlags))
    .route(`${ENVIRONMENT}/flags`, overrideRoutes(database, authenticate, refreshFlags))
    .route(`${ENVIRONMENT}/groups`, groupRoutes(database, authenticate, refreshFlags))
    .route(`${ENVIRONMENT}/holdouts`, holdoutRoutes(database, authenticate, refreshFlags))
    .route(`${ENVIRONMENT}/segments`, segmentRoutes(database, authenticate, refreshFlags))
    .route(ENVIRONMENT, flagSetRoutes(database, authenticate, refreshFlags))
    .route(`${ENVIRONMENT}/managers`, managerRoutes(database, authenticate, refreshFlags))
    .route(ENVIRONMENT, usageReportRoutes(database, authenticate, now))
    .route(`${ENVIRONMENT}/flags`, planRoutes({ database, authenticate, refresh: refreshFlags, now }))
    .route(ENVIRONMENT, scheduleRoutes(database, authenticate, now))
    .route(ENVIRONMENT, explainRoutes(authenticate, current, now))
    .route(`${ENVIRONMENT}/flags`, historyRoutes(database, authenticate))
    .route(`${ENVIRONMENT}/flags`, usageRoutes(database, authenticate, { storeUsage, now }))
    .route('/api/v1/changes', changeRoutes(database, authenticate))
    .route('/api/v1/keys', keyRoutes(database, authenticate, refreshKeys))
}
