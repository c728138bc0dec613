import type { Header } from '../../src/cache/authenticator.ts'
import type { Principal } from '../../src/cache/key-cache.ts'
import type { Snapshot } from '../../src/cache/snapshot.ts'
import { FlagError } from '../../src/flag/error.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import { type Front, front } from '../../src/routes/ofrep/front.ts'
import { type OfrepDependencies, ofrep } from '../../src/routes/ofrep/ofrep.ts'

/** A flagd document, as far as these tests write one. */
export type Document = {
  readonly flags: Readonly<Record<string, unknown>>
  readonly $evaluators?: Readonly<Record<string, unknown>>
  readonly metadata?: Readonly<Record<string, string | number | boolean>>
}

/** What a replica would hold of an environment with this document. */
export function snapshotOf(flagSetId: string, { flags, $evaluators = {}, metadata = {} }: Document): Snapshot {
  // Not checked first: stored documents may hold flags that make no sense.
  const definitions = new Map(Object.entries(flags)) as Parameters<typeof compileFlagSet>[0]['flags']
  const flagSet = compileFlagSet({ flags: definitions, segments: $evaluators, metadata, bucketing: 'v2' })
  return { flagSetId, incarnation: 'test', id: 1n, revision: 1n, changedIn: '', changedAt: new Date(0), flagSet }
}

/** Keys of the tests: a client key `<project>/<environment>` opens that environment, `admin` is bound to none. */
export function authenticate(headers: Header): Principal {
  const key = headers.get('authorization')?.replace(/^Bearer /, '') ?? headers.get('x-api-key') ?? ''
  const [project, environment] = key.split('/')
  if (key === 'admin') return { name: key, role: 'admin', environment: null }
  if (project && environment) return { name: key, role: 'client', environment: { project, environment } }
  throw new FlagError('unauthenticated', 'The API key is not valid')
}

/** The OFREP door over these environments: `<project>/<environment>` → document. */
export const ofrepOver = (
  documents: Readonly<Record<string, Document>>,
  dependencies: Partial<OfrepDependencies> = {},
) => ofrep(doorsOver(documents, dependencies))

/** The same door behind the front that answers evaluations before it. */
export function frontOver(
  documents: Readonly<Record<string, Document>>,
  dependencies: Partial<OfrepDependencies> = {},
): Front {
  const { corsOrigins, ...over } = doorsOver(documents, dependencies)
  const databaseHealth = { isLoaded: true, trouble: undefined, since: undefined }
  const health = {
    isStopping: () => false,
    warmUp: async () => undefined,
    databaseHealth,
    database: { isReadOnly: false },
    now: () => 0,
  }
  const load = async () => ofrep({ ...over, corsOrigins })
  return front({ ...over, corsOrigins, health, trialFlagSetId: undefined }, load)
}

/** All that the door needs, with what a test gives instead. */
export function doorsOver(
  documents: Readonly<Record<string, Document>>,
  dependencies: Partial<OfrepDependencies> = {},
): OfrepDependencies {
  const snapshots = new Map(Object.entries(documents).map(([id, document]) => [id, snapshotOf(id, document)]))
  const current = (flagSetId: string) => {
    const snapshot = snapshots.get(flagSetId)
    if (snapshot) return snapshot
    throw new FlagError('not_found', `Environment "${flagSetId}" does not exist`)
  }
  const log = () => undefined
  return {
    authenticate,
    current,
    defaultFlagSetId: undefined,
    bodyBytesMax: 1_000,
    now: () => 1_700_000_000_999,
    count: () => undefined,
    countAll: () => undefined,
    enrich: (context) => context,
    log,
    ...dependencies,
  }
}
