import type { Subscribed } from '../../../cache/subscriptions.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { type ProjectVersion, readProjectVersion } from '../../../repository/postgres/overview/project-version.ts'
import type { Streams } from '../../ofrep/streams.ts'

/** What changed in a project; without values. */
export type ProjectHint =
  | { readonly environment: string; readonly revision: number }
  | { readonly flags: true }
  | { readonly keys: true }
/** `all` are the hints of everything that the project has. */
export type HintListener = (hints: readonly ProjectHint[], all: readonly ProjectHint[]) => void

/** Changes that are no new revision of an environment are found within this time. */
const CHECK_MS = 2_000

/** Watches projects while there are listeners; one query answers for all listeners of a project. */
export class ProjectWatch {
  readonly #database: Database
  readonly #streams: Pick<Streams, 'follow'>
  readonly #projects = new Map<string, WatchedProject>()

  constructor(database: Database, streams: Pick<Streams, 'follow'>) {
    this.#database = database
    this.#streams = streams
  }

  /** Adds a listener; the result removes it. Fails with `not_found` or `unavailable`. */
  async add(project: string, listener: HintListener): Promise<() => void> {
    const version = await readProjectVersion(this.#database, project)
    const known = this.#projects.get(project)
    const watched = known ?? new WatchedProject(project, { database: this.#database, streams: this.#streams, version })
    this.#projects.set(project, watched)
    watched.listeners.add(listener)
    await watched.ready()
    return () => {
      watched.listeners.delete(listener)
      if (watched.listeners.size > 0 || this.#projects.get(project) !== watched) return
      watched.stop()
      this.#projects.delete(project)
    }
  }
}

type Watching = { readonly database: Database; readonly streams: Pick<Streams, 'follow'>; version: ProjectVersion }

/** New revisions, also those of other replicas, start a check of the version at once; a timer starts one for all other changes. */
class WatchedProject {
  readonly listeners = new Set<HintListener>()
  readonly #project: string
  readonly #watching: Watching
  readonly #environments = new Map<string, Promise<Subscribed | undefined>>()
  readonly #timer: ReturnType<typeof setInterval>
  #checking = false
  #isDue = false

  constructor(project: string, watching: Watching) {
    this.#project = project
    this.#watching = watching
    this.#timer = setInterval(() => void this.#check(), CHECK_MS)
    this.#follow(watching.version)
  }

  /** Resolves when all environments are subscribed to. Never rejects. */
  async ready(): Promise<void> {
    await Promise.all(this.#environments.values())
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const subscribed of this.#environments.values()) void subscribed.then((each) => each?.leave())
    this.#environments.clear()
  }

  #follow({ environments }: ProjectVersion): void {
    const { streams } = this.#watching
    for (const [key, subscribed] of this.#environments) {
      if (Object.hasOwn(environments, key)) continue
      void subscribed.then((each) => each?.leave())
      this.#environments.delete(key)
    }
    for (const key of Object.keys(environments)) {
      if (this.#environments.has(key)) continue
      const listener = { onSnapshot: () => void this.#check() }
      // Without the subscription, the timer finds its changes.
      this.#environments.set(
        key,
        streams.follow(`${this.#project}/${key}`, listener).catch(() => undefined),
      )
    }
  }

  /** One at a time; a change during a check starts another one. */
  async #check(): Promise<void> {
    this.#isDue = true
    if (this.#checking) return
    this.#checking = true
    try {
      while (this.#isDue) {
        this.#isDue = false
        this.#compare(await readProjectVersion(this.#watching.database, this.#project))
      }
    } catch {
      // The next check compares with the same version.
    } finally {
      this.#checking = false
    }
  }

  #compare(version: ProjectVersion): void {
    const before = this.#watching.version
    this.#watching.version = version
    const hints = hintsBetween(before, version)
    if (hints.length === 0) return
    if (this.listeners.size > 0) this.#follow(version)
    const all = hintsBetween(undefined, version)
    for (const listener of this.listeners) listener(hints, all)
  }
}

/** A new environment has a revision that is new, and a deleted one is a hint that the flags have changed. */
function hintsBetween(before: ProjectVersion | undefined, after: ProjectVersion): ProjectHint[] {
  const revisions = Object.entries(after.environments)
  const changed = revisions.filter(([key, revision]) => before?.environments[key] !== revision)
  const isGone = Object.keys(before?.environments ?? {}).some((key) => !Object.hasOwn(after.environments, key))
  return [
    ...changed.map(([environment, revision]) => ({ environment, revision })),
    ...(before?.flags !== after.flags || isGone ? [{ flags: true } as const] : []),
    ...(before?.keys !== after.keys ? [{ keys: true } as const] : []),
  ]
}
