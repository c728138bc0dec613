import type { Database } from '../../../repository/postgres/database.ts'
import { type ProjectVersion, readProjectVersion } from '../../../repository/postgres/overview/project-version.ts'

/** What changed in a project; without values. */
export type ProjectHint =
  | { readonly environment: string; readonly revision: number }
  | { readonly flags: true }
  | { readonly keys: true }
/** `all` are the hints of everything that the project has. */
export type HintListener = (hints: readonly ProjectHint[], all: readonly ProjectHint[]) => void

/** Changes of other replicas are found within this time. */
const CHECK_MS = 1_000

/** Watches projects while there are listeners; one query answers for all listeners of a project. */
export class ProjectWatch {
  readonly #database: Database
  readonly #projects = new Map<string, WatchedProject>()

  constructor(database: Database) {
    this.#database = database
  }

  /** Adds a listener; the result removes it. Fails with `not_found` or `unavailable`. */
  async add(project: string, listener: HintListener): Promise<() => void> {
    const read = () => readProjectVersion(this.#database, project)
    const version = await read()
    const watched = this.#projects.get(project) ?? new WatchedProject(read, version)
    this.#projects.set(project, watched)
    watched.listeners.add(listener)
    return () => {
      watched.listeners.delete(listener)
      if (watched.listeners.size > 0 || this.#projects.get(project) !== watched) return
      watched.stop()
      this.#projects.delete(project)
    }
  }

  /** Starts a check, after a change by this replica. */
  check(project: string): void {
    void this.#projects.get(project)?.check()
  }
}

/** Reads the version of a project again and again, and compares. */
class WatchedProject {
  readonly listeners = new Set<HintListener>()
  readonly #read: () => Promise<ProjectVersion>
  readonly #timer: ReturnType<typeof setInterval>
  #version: ProjectVersion
  #isChecking = false
  #isDue = false

  constructor(read: () => Promise<ProjectVersion>, version: ProjectVersion) {
    this.#read = read
    this.#version = version
    this.#timer = setInterval(() => void this.check(), CHECK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** One at a time; a call during a check starts another one. Never rejects. */
  async check(): Promise<void> {
    this.#isDue = true
    if (this.#isChecking) return
    this.#isChecking = true
    try {
      while (this.#isDue) {
        this.#isDue = false
        this.#compare(await this.#read())
      }
    } catch {
      // The next check compares with the same version.
    } finally {
      this.#isChecking = false
    }
  }

  #compare(version: ProjectVersion): void {
    const hints = hintsBetween(this.#version, version)
    this.#version = version
    if (hints.length === 0) return
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
