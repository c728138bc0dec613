import * as v from 'valibot'
import type { Definition } from '../flag/definition.ts'
import { FlagError } from '../flag/error.ts'
import { lineOf } from '../flag/flag-map.ts'
import { compileFlagSet, compileSerialized, type FlagSet, patchFlagSet } from '../flag/flag-set.ts'
import type { EnvironmentRevision, LoadedEnvironment } from '../repository/postgres/load-environment.ts'
import type { StoredSnapshot } from '../repository/redis/snapshot-store.ts'
import { REFRESH_WAIT_MS, type ReplicationOptions, waitAtMost } from './freshness.ts'
import { Replicated } from './replicated.ts'

export type LoadEnvironment = (flagSetId: string, since?: EnvironmentRevision) => Promise<LoadedEnvironment | undefined>

/** Most environments that are cached; the oldest entry makes room. Unknown names are not cached, so requests cannot fill the cache with them. */
const ENVIRONMENTS_MAX = 1_000

/** Less than a provider waits between an event and its request (50 ms). */
const JUST_NOW_MS = 20

/** The snapshots of all requested environments. */
export class Snapshots {
  readonly #options: ReplicationOptions
  readonly #read: LoadEnvironment
  readonly #replicated = new Map<string, Replicated<Snapshot>>()

  constructor(replication: ReplicationOptions, read: LoadEnvironment) {
    this.#options = replication
    this.#read = read
  }

  /** The snapshot for a request; a promise only at first and after a pause. Throws `not_found` or `unavailable`. */
  current(flagSetId: string): Snapshot | Promise<Snapshot> {
    const replicated = this.#replicated.get(flagSetId)
    const found = replicated?.current()
    if (found === undefined) return this.#first(flagSetId, replicated)
    return found instanceof Promise ? found.then((snapshot) => snapshot ?? this.#missing(flagSetId)) : found
  }

  /**
   * Loads `scope` (`<project>/<environment>`, or `<project>/` for all cached environments of a project) from the database and publishes it;
   * await it after a write to read that write.
   */
  async refresh(scope: string): Promise<void> {
    const isInScope = (flagSetId: string) => flagSetId === scope || (scope.endsWith('/') && flagSetId.startsWith(scope))
    if (!scope.endsWith('/') && !this.#replicated.has(scope)) this.#add(scope)
    const concerned = [...this.#replicated].filter(([flagSetId]) => isInScope(flagSetId))
    await Promise.all(
      concerned.map(async ([flagSetId, cached]) => {
        await cached.refresh()
        if (cached.value === undefined) this.#replicated.delete(flagSetId)
      }),
    )
  }

  /**
   * The newest snapshot, for a request that refers to another state than the cached one. Waits at most `REFRESH_WAIT_MS`. Does not check
   * again within `JUST_NOW_MS`, so that invented states in requests cannot cause load.
   */
  async newest(flagSetId: string): Promise<Snapshot> {
    const cached = await this.replicated(flagSetId)
    if (cached.ageMs >= JUST_NOW_MS) await waitAtMost(cached.check(), REFRESH_WAIT_MS)
    return cached.value ?? this.#missing(flagSetId)
  }

  /** The cache entry of an environment, loaded. Throws `not_found` or `unavailable`. */
  async replicated(flagSetId: string): Promise<Replicated<Snapshot>> {
    await this.current(flagSetId)
    return this.#replicated.get(flagSetId) ?? this.#missing(flagSetId)
  }

  /** The cache entries of all environments. */
  all(): Iterable<[flagSetId: string, cached: Replicated<Snapshot>]> {
    return this.#replicated
  }

  async #first(flagSetId: string, known: Replicated<Snapshot> | undefined): Promise<Snapshot> {
    const cached = known ?? this.#add(flagSetId)
    try {
      return (await cached.current()) ?? this.#missing(flagSetId)
    } catch (error) {
      if (cached.value === undefined) this.#replicated.delete(flagSetId)
      throw error
    }
  }

  #add(flagSetId: string): Replicated<Snapshot> {
    const cached = new Replicated<Snapshot>(this.#options, {
      name: flagSetId,
      read: async (snapshot) => {
        const source = await this.#read(flagSetId, snapshot)
        const isUnchanged = source?.isUpdate && source.revision === snapshot?.revision
        return isUnchanged ? snapshot : source && nextSnapshot(flagSetId, source, snapshot)
      },
      encode: encodeSnapshot,
      decode: (stored) => decodeSnapshot(flagSetId, stored),
    })
    this.#replicated.set(flagSetId, cached)
    const oldest = this.#replicated.keys().next().value
    if (this.#replicated.size > ENVIRONMENTS_MAX && oldest !== undefined) this.#replicated.delete(oldest)
    return cached
  }

  #missing(flagSetId: string): never {
    this.#replicated.delete(flagSetId)
    throw new FlagError('not_found', `Environment "${flagSetId}" does not exist`)
  }
}

/** One revision of an environment, compiled. Immutable; a request reads it once, so that a response never mixes two revisions. */
export type Snapshot = EnvironmentRevision & {
  /** `<project>/<environment>`. */
  readonly flagSetId: string
  /** When the environment last changed, by the database's clock. */
  readonly changedAt: Date
  /** `traceparent` of the change; empty if its trace was not sampled. */
  readonly changedIn: string
  readonly flagSet: FlagSet
}

/** Makes the next snapshot of an environment; of an update only the differences are compiled. */
export function nextSnapshot(flagSetId: string, source: LoadedEnvironment, cached: Snapshot | undefined): Snapshot {
  const { incarnation, id, revision, changedAt, changedIn, flags, settings } = source
  const version = { flagSetId, incarnation, id, revision, changedAt, changedIn }
  if (source.isUpdate && cached) return { ...version, flagSet: patchFlagSet(cached.flagSet, { flags, ...settings }) }
  const { segments, metadata, bucketing } = settings ?? { segments: {}, metadata: {}, bucketing: 'v2' as const }
  const live = new Map<string, Definition>()
  for (const [key, definition] of flags) if (definition) live.set(key, definition)
  return { ...version, flagSet: compileFlagSet({ flags: live, segments, metadata, bucketing }) }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

const Head = v.object({
  id: v.pipe(v.string(), v.digits()),
  changedAt: v.pipe(v.string(), v.isoTimestamp()),
  changedIn: v.string(),
  bucketing: v.picklist(['v1', 'v2', 'v3']),
  segments: v.custom<Record<string, unknown>>(isObject),
  metadata: v.custom<Record<string, string>>(isObject),
  flags: v.number(),
})
/** Serializes a snapshot for other replicas: one line of JSON for the environment, then one for each definition. */
export function encodeSnapshot({ id, changedAt, changedIn, flagSet }: Snapshot): string {
  const { bucketing, segments, metadata, flags } = flagSet
  const head = { id: String(id), changedAt, changedIn, bucketing, segments, metadata, flags: flags.size }
  const lines = [JSON.stringify(head)]
  for (const flag of flags.values()) lines.push(lineOf(flag))
  return lines.join('')
}

/**
 * Parses the text of `encodeSnapshot`; undefined if it has another format. Flags are parsed on first use, because a new replica evaluates
 * few of them.
 */
export function decodeSnapshot(flagSetId: string, { revisionId, text }: StoredSnapshot): Snapshot | undefined {
  const end = text.indexOf('\n')
  const [first, lines] = end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end)]
  const head = v.safeParse(v.pipe(v.string(), v.parseJson(), Head), first)
  if (!head.success) return undefined
  const { id, changedAt, changedIn, flags: size, ...settings } = head.output
  const version = { flagSetId, ...revisionId, id: BigInt(id), changedAt: new Date(changedAt), changedIn }
  return { ...version, flagSet: compileSerialized({ lines, size }, settings) }
}
