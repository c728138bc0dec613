import { FlagError } from '../../../flag/error.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { type ProjectVersion, readProjectVersion } from '../../../repository/postgres/overview/project-version.ts'

/** What changed in a project; without values. */
export type ProjectHint =
  | { readonly environment: string; readonly revision: number }
  | { readonly flags: true }
  | { readonly keys: true }
export type ProjectListener = {
  /** `all` are the hints of everything that the project has. */
  readonly onHints: (hints: readonly ProjectHint[], all: readonly ProjectHint[]) => void
  /** Called once, when the project is deleted. */
  readonly onDeleted: () => void
}

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
  async add(project: string, listener: ProjectListener): Promise<() => void> {
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
  readonly listeners = new Set<ProjectListener>()
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
    } catch (error) {
      // After an outage the next check compares with the same version.
      if (error instanceof FlagError && error.code === 'not_found') this.#end()
    } finally {
      this.#isChecking = false
    }
  }

  #end(): void {
    this.stop()
    for (const { onDeleted } of [...this.listeners]) onDeleted()
  }

  #compare(version: ProjectVersion): void {
    if (version.id !== this.#version.id) {
      this.#end() // another project has its key
      return
    }
    const hints = hintsBetween(this.#version, version)
    this.#version = version
    if (hints.length === 0) return
    const all = hintsBetween(undefined, version)
    for (const { onHints } of this.listeners) onHints(hints, all)
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
