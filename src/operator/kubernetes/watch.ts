import { setTimeout as sleep } from 'node:timers/promises'
import * as v from 'valibot'
import type { LogLine } from '../../telemetry/log.ts'
import { backoffMs } from '../backoff.ts'
import { type KubernetesApi, KubernetesError } from './api.ts'
import { type Metadata, nameOf } from './resources.ts'

type Resource = { readonly metadata: v.InferOutput<typeof Metadata> }
export type ResourceWatchOptions<T extends Resource> = {
  readonly api: Pick<KubernetesApi, 'call' | 'lines'>
  readonly path: string
  readonly schema: v.GenericSchema<unknown, T>
  /** Called after each difference; undefined: it was not there, or is gone. */
  readonly onChange: (before: T | undefined, after: T | undefined) => void
  readonly onRestart: (reason: 'ended' | 'expired' | 'failed') => void
  readonly log: LogLine
  /** From 0 to 1. */
  readonly random: () => number
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** Seconds after which the server ends a watch, at least. */
  readonly watchSeconds: number
}

const List = v.object({
  metadata: v.object({ resourceVersion: v.string(), continue: v.optional(v.string()) }),
  items: v.array(v.unknown()),
})
const Event = v.object({ type: v.string(), object: v.looseObject({}) })
const Bookmark = v.object({ metadata: v.object({ resourceVersion: v.string() }) })
const Failure = v.object({ code: v.optional(v.number(), 500), message: v.optional(v.string(), 'The watch failed') })
const PAGE = '500'
/** A watch that ends earlier counts as a failure: otherwise a server that ends each at once would be asked in a loop. */
const WATCH_MS_MIN = 1_000

/**
 * The resources of one kind, kept up to date: a list, then a watch from its version, again from the newest version when the watch ends, and a
 * new list when that version is too old.
 */
export class ResourceWatch<T extends Resource> {
  readonly items = new Map<string, T>()
  /** Whether a list has been read. */
  isSynced = false
  /** When the server last sent anything, in milliseconds of `now`. */
  lastTurn: number
  readonly #options: ResourceWatchOptions<T>
  #version: string | undefined

  constructor(options: ResourceWatchOptions<T>) {
    this.#options = options
    this.lastTurn = options.now()
  }

  /** Runs until `signal` aborts. Never fails. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.list(signal)
        const start = this.#options.now()
        await this.#watch(signal)
        this.#options.onRestart('ended')
        failures = this.#options.now() - start < WATCH_MS_MIN ? failures + 1 : 0
      } catch (error) {
        if (signal.aborted) return
        failures = this.#noteFailure(error, failures)
        await this.#wait(backoffMs(failures, this.#options.random, retryAfterOf(error)), signal)
      }
    }
  }

  /** Reads all resources. Fails with `KubernetesError`. */
  async list(signal: AbortSignal): Promise<void> {
    const { api, path } = this.#options
    const seen = new Map<string, T>()
    let next: string | undefined
    let version = ''
    do {
      const query = { limit: PAGE, ...(next && { continue: next }) }
      const { metadata, items } = v.parse(List, await api.call('GET', path, { query, signal }))
      for (const item of items) {
        const resource = this.#read(item)
        if (resource) seen.set(nameOf(resource), resource)
      }
      version = metadata.resourceVersion
      next = metadata.continue
    } while (next)
    this.#replace(seen)
    this.#version = version
    this.isSynced = true
    this.lastTurn = this.#options.now()
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { api, path, watchSeconds, random } = this.#options
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version ?? '',
      timeoutSeconds: String(Math.round(watchSeconds * (1 + random() / 2))),
    }
    for await (const line of api.lines(path, { query, signal })) {
      this.lastTurn = this.#options.now()
      this.#apply(v.parse(Event, line))
    }
  }

  #apply({ type, object }: v.InferOutput<typeof Event>): void {
    if (type === 'ERROR') {
      const { code, message } = v.parse(Failure, object)
      throw new KubernetesError(code, message)
    }
    this.#version = v.parse(Bookmark, object).metadata.resourceVersion
    if (type === 'BOOKMARK') return
    const resource = this.#read(object)
    if (!resource) return
    const name = nameOf(resource)
    const before = this.items.get(name)
    if (type === 'DELETED') this.items.delete(name)
    else this.items.set(name, resource)
    this.#options.onChange(before, type === 'DELETED' ? undefined : resource)
  }

  /** A resource that cannot be read is left out: one that another version of the CRD made must not stop the others. */
  #read(object: unknown): T | undefined {
    const { success, output, issues } = v.safeParse(this.#options.schema, object)
    if (success) return output
    this.#options.log('A resource cannot be read', { path: this.#options.path, reason: v.summarize(issues) })
    return undefined
  }

  #replace(seen: ReadonlyMap<string, T>): void {
    for (const [name, before] of [...this.items])
      if (!seen.has(name)) {
        this.items.delete(name)
        this.#options.onChange(before, undefined)
      }
    for (const [name, after] of seen) {
      const before = this.items.get(name)
      this.items.set(name, after)
      if (before?.metadata.resourceVersion !== after.metadata.resourceVersion) this.#options.onChange(before, after)
    }
  }

  /** Returns the number of failures in a row. A version that is too old is none: the next list helps. */
  #noteFailure(error: unknown, failures: number): number {
    const { onRestart, log, path } = this.#options
    const isExpired = error instanceof KubernetesError && error.status === 410
    if (isExpired) this.#version = undefined
    onRestart(isExpired ? 'expired' : 'failed')
    if (!isExpired) log('The watch failed; it starts again', { path, reason: reasonOf(error) })
    return failures + 1
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(ms, undefined, { signal }).catch((error) => {
      if (!signal.aborted) throw error
    })
  }
}

const retryAfterOf = (error: unknown) => (error instanceof KubernetesError ? error.retryAfterMs : undefined)

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
