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

/**
 * Environments held at most; the one that was loaded longest ago makes room. A name that does not exist is not held,
 * so that requests for invented environments cannot grow this.
 */
const ENVIRONMENTS_MAX = 1_000

/** Less than a provider waits between an event and its question (50 ms). */
const JUST_NOW_MS = 20

/** The newest snapshot of each environment that is asked for. */
export class Snapshots {
  readonly #options: ReplicationOptions
  readonly #read: LoadEnvironment
  readonly #held = new Map<string, Replicated<Snapshot>>()

  constructor(replication: ReplicationOptions, read: LoadEnvironment) {
    this.#options = replication
    this.#read = read
  }

  /** The snapshot to answer a request from; a promise only at first and after a pause. Throws `not_found` or `unavailable`. */
  current(flagSetId: string): Snapshot | Promise<Snapshot> {
    const replicated = this.#held.get(flagSetId)
    const found = replicated?.current()
    if (found === undefined) return this.#first(flagSetId, replicated)
    return found instanceof Promise ? found.then((snapshot) => snapshot ?? this.#missing(flagSetId)) : found
  }

  /**
   * Brings what is held of `scope` (`<project>/<environment>`, or `<project>/` for all of a project) to the database's newest
   * revision and hands it on to other replicas; awaited by whoever has just changed it, to read its own write.
   */
  async refresh(scope: string): Promise<void> {
    const isInScope = (flagSetId: string) => flagSetId === scope || (scope.endsWith('/') && flagSetId.startsWith(scope))
    if (!scope.endsWith('/') && !this.#held.has(scope)) this.#hold(scope)
    const concerned = [...this.#held].filter(([flagSetId]) => isInScope(flagSetId))
    await Promise.all(
      concerned.map(async ([flagSetId, held]) => {
        await held.refresh()
        if (held.value === undefined) this.#held.delete(flagSetId)
      }),
    )
  }

  /**
   * What is newest, for a request that knows of another state than `current` gives. Waits half a second at most, and asks nobody when
   * that was just done, so that made-up states in requests cannot drive it.
   */
  async newest(flagSetId: string): Promise<Snapshot> {
    const held = await this.held(flagSetId)
    if (held.ageMs >= JUST_NOW_MS) await waitAtMost(held.check(), REFRESH_WAIT_MS)
    return held.value ?? this.#missing(flagSetId)
  }

  /** What is held of an environment, for whoever follows it; loads it first. */
  async held(flagSetId: string): Promise<Replicated<Snapshot>> {
    await this.current(flagSetId)
    return this.#held.get(flagSetId) ?? this.#missing(flagSetId)
  }

  /** What is held of every environment that was asked for. */
  all(): Iterable<[flagSetId: string, held: Replicated<Snapshot>]> {
    return this.#held
  }

  async #first(flagSetId: string, known: Replicated<Snapshot> | undefined): Promise<Snapshot> {
    const held = known ?? this.#hold(flagSetId)
    try {
      return (await held.current()) ?? this.#missing(flagSetId)
    } catch (error) {
      if (held.value === undefined) this.#held.delete(flagSetId)
      throw error
    }
  }

  #hold(flagSetId: string): Replicated<Snapshot> {
    const held = new Replicated<Snapshot>(this.#options, {
      name: flagSetId,
      read: async (snapshot) => {
        const source = await this.#read(flagSetId, snapshot)
        const isUnchanged = source?.isUpdate && source.revision === snapshot?.revision
        return isUnchanged ? snapshot : source && nextSnapshot(flagSetId, source, snapshot)
      },
      encode: encodeSnapshot,
      decode: (copy) => decodeSnapshot(flagSetId, copy),
    })
    this.#held.set(flagSetId, held)
    const oldest = this.#held.keys().next().value
    if (this.#held.size > ENVIRONMENTS_MAX && oldest !== undefined) this.#held.delete(oldest)
    return held
  }

  #missing(flagSetId: string): never {
    this.#held.delete(flagSetId)
    throw new FlagError('not_found', `Environment "${flagSetId}" does not exist`)
  }
}

/**
 * What this replica believes about one environment. Immutable: a change makes a new one, and a request takes it once,
 * so one answer never mixes two revisions.
 */
export type Snapshot = EnvironmentRevision & {
  /** `<project>/<environment>`. */
  readonly flagSetId: string
  /** When the environment last changed, by the database's clock. */
  readonly changedAt: Date
  /** `traceparent` of the change that led here; empty where its trace is not kept. */
  readonly changedIn: string
  readonly flagSet: FlagSet
}

/** Makes the next snapshot of an environment; compiles only what differs from `held`. */
export function nextSnapshot(flagSetId: string, source: LoadedEnvironment, held: Snapshot | undefined): Snapshot {
  const { incarnation, id, revision, changedAt, changedIn, flags, settings } = source
  const version = { flagSetId, incarnation, id, revision, changedAt, changedIn }
  if (source.isUpdate && held) return { ...version, flagSet: patchFlagSet(held.flagSet, { flags, ...settings }) }
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
/**
 * A snapshot as text for other replicas: its definitions, since compiled rules are closures. One line about the set and how many flags
 * it has, then one for each flag.
 */
export function encodeSnapshot({ id, changedAt, changedIn, flagSet }: Snapshot): string {
  const { bucketing, segments, metadata, flags } = flagSet
  const head = { id: String(id), changedAt, changedIn, bucketing, segments, metadata, flags: flags.size }
  const lines = [JSON.stringify(head)]
  for (const flag of flags.values()) lines.push(lineOf(flag))
  return lines.join('')
}

/**
 * The snapshot that `writeSnapshot` wrote; undefined when it was not that, as by a replica of another version. The text of its flags is
 * left as it is, since who has just started is asked for few of them: to read a thousand takes longer than to answer.
 */
export function decodeSnapshot(flagSetId: string, { revisionId: stamp, text }: StoredSnapshot): Snapshot | undefined {
  const end = text.indexOf('\n')
  const [first, lines] = end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end)]
  const head = v.safeParse(v.pipe(v.string(), v.parseJson(), Head), first)
  if (!head.success) return undefined
  const { id, changedAt, changedIn, flags: size, ...settings } = head.output
  const version = { flagSetId, ...stamp, id: BigInt(id), changedAt: new Date(changedAt), changedIn }
  return { ...version, flagSet: compileSerialized({ lines, size }, settings) }
}
