import type { Hono } from 'hono'
import { type AppDependencies, app } from '../../src/app.ts'
import type { Principal } from '../../src/cache/key-set.ts'
import type { Snapshot } from '../../src/cache/snapshots.ts'
import { FlagError } from '../../src/flag/error.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import type { Header } from '../../src/telemetry/trace-context.ts'

/** The members of a flagd document that these tests use. */
export type Document = {
  readonly flags: Readonly<Record<string, unknown>>
  readonly $evaluators?: Readonly<Record<string, unknown>>
  readonly metadata?: Readonly<Record<string, string | number | boolean>>
}

/** The snapshot that a replica would cache for an environment with this document. */
export function snapshotOf(flagSetId: string, { flags, $evaluators = {}, metadata = {} }: Document): Snapshot {
  // Not checked first: stored documents may contain invalid flags.
  const definitions = new Map(Object.entries(flags)) as Parameters<typeof compileFlagSet>[0]['flags']
  const flagSet = compileFlagSet({ flags: definitions, segments: $evaluators, metadata, bucketing: 'v2' })
  return { flagSetId, incarnation: 'test', id: 1n, revision: 1n, changedIn: '', changedAt: new Date(0), flagSet }
}

/** Keys of the tests: a client key `<project>/<environment>` is for that environment, `admin` is bound to none. */
export function authenticate(headers: Header): Principal {
  const key = headers.get('authorization')?.replace(/^Bearer /, '') ?? headers.get('x-api-key') ?? ''
  const [project, environment] = key.split('/')
  if (key === 'admin') return { name: key, role: 'admin', environment: null }
  if (project && environment) return { name: key, role: 'client', environment: { project, environment } }
  throw new FlagError('unauthenticated', 'The API key is not valid')
}

/** The app for these environments, `<project>/<environment>` → document, without a database. `dependencies` override the defaults. */
export function ofrepOver(
  documents: Readonly<Record<string, Document>>,
  dependencies: Partial<AppDependencies> = {},
): Hono {
  const snapshots = new Map(Object.entries(documents).map(([id, document]) => [id, snapshotOf(id, document)]))
  const current = (flagSetId: string) => {
    const snapshot = snapshots.get(flagSetId)
    if (snapshot) return snapshot
    throw new FlagError('not_found', `Environment "${flagSetId}" does not exist`)
  }
  const database = { isReadOnly: false } as AppDependencies['database']
  return app({
    authenticate,
    current,
    trialFlagSetId: undefined,
    corsOrigins: undefined,
    bodyBytesMax: 1_000,
    now: () => 1_700_000_000_999,
    count: () => undefined,
    countAll: () => undefined,
    noteSync: () => undefined,
    enrich: (context) => context,
    log: () => undefined,
    database,
    refreshFlags: async () => undefined,
    refreshKeys: async () => undefined,
    storeUsage: async () => undefined,
    findByDigest: () => undefined,
    isUsable: async () => true,
    health: {
      isStopping: () => false,
      warmUp: async () => undefined,
      databaseHealth: { isLoaded: true, error: undefined, since: undefined },
      database,
      now: () => 0,
    },
    ...dependencies,
  })
}
