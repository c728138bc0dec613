import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../telemetry/log.ts'
import { backoffMs } from './backoff.ts'
import { type KubernetesApi, KubernetesError } from './kubernetes/api.ts'
import {
  FeatureFlag,
  FINALIZER,
  FlagEnvironment,
  featureFlagsPath,
  flagEnvironmentsPath,
  nameOf,
} from './kubernetes/resources.ts'
import { ResourceWatch, reasonOf } from './kubernetes/watch.ts'
import { type OperatorMetrics, openOperatorMetrics } from './metrics.ts'
import { type Outcome, Reconciler } from './reconcile.ts'
import { type ServiceAddress, ServiceClient, ServiceError } from './service.ts'
import { WorkQueue } from './work-queue.ts'

export type ControllerOptions = {
  readonly api: Pick<KubernetesApi, 'call' | 'lines'>
  readonly service: ServiceAddress
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined
  readonly resyncMs: number
  /** A change waits for this long for others, so that an apply of many resources is one write. */
  readonly debounceMs?: number
  readonly watchSeconds?: number
  readonly log: Log
}

const WORKERS = 4
/** How often a resource is tried in a single run; it takes up to 8 s. */
const ONCE_TRIES = 5
/** The server ends a watch after at most one and a half times this, and sends bookmarks meanwhile. */
const WATCH_SECONDS = 200
const DEBOUNCE_MS = 200
/** Without anything from the API server for longer, the watches are stuck: twice the longest watch. */
const SILENCE_MS = 2 * 1.5 * WATCH_SECONDS * 1_000
const CHANGED: ReadonlySet<Outcome['result']> = new Set(['applied', 'deleted', 'released'])

/** Watches FlagEnvironments and FeatureFlags, and reconciles what changes. */
export class Controller {
  readonly metrics: OperatorMetrics
  readonly #options: ControllerOptions
  readonly #environments: ResourceWatch<FlagEnvironment>
  readonly #featureFlags: ResourceWatch<FeatureFlag>
  readonly #queue: WorkQueue
  readonly #reconciler: Reconciler
  readonly #stop = new AbortController()
  /** Ends calls of the API server that a shutdown does not wait for. */
  readonly #abort = new AbortController()
  /** Whether changes are worked on as they come; a single run works on what it has listed. */
  #isWatching = false
  readonly #failures = new Map<string, number>()
  readonly #managed = new Map<string, number>()
  /** FlagEnvironments that are gone, and whose flags are still locked. */
  readonly #gone = new Map<string, FlagEnvironment>()

  constructor(options: ControllerOptions) {
    this.#options = options
    const { api, namespace, debounceMs = DEBOUNCE_MS } = options
    this.metrics = openOperatorMetrics({ queued: () => this.#queue.size, managed: () => this.#managedFlags() })
    const { watchSeconds = WATCH_SECONDS, log } = options
    const shared = {
      ...{ api, watchSeconds, log: log.warn, random: Math.random, now: () => performance.now() },
      onRestart: this.metrics.noteRestart,
    }
    this.#environments = new ResourceWatch<FlagEnvironment>({
      ...shared,
      path: flagEnvironmentsPath(namespace),
      schema: FlagEnvironment,
      onChange: (before, after) => this.#onEnvironment(before, after),
    })
    this.#featureFlags = new ResourceWatch<FeatureFlag>({
      ...shared,
      path: featureFlagsPath(namespace),
      schema: FeatureFlag,
      onChange: (before, after) => this.#onFeatureFlag(before, after),
    })
    this.#queue = new WorkQueue({ work: (key) => this.#work(key), workers: WORKERS, debounceMs })
    this.#reconciler = new Reconciler({
      api,
      service: new ServiceClient(options.service),
      featureFlags: () => this.#featureFlags.items.values(),
      now: () => new Date(),
      signal: this.#abort.signal,
    })
  }

  /** Whether both kinds of resources have been read. */
  get isReady(): boolean {
    return this.#environments.isSynced && this.#featureFlags.isSynced && !this.#stop.signal.aborted
  }

  /** Whether the API server has sent anything lately. */
  get isLive(): boolean {
    const oldest = Math.min(this.#environments.lastTurn, this.#featureFlags.lastTurn)
    return performance.now() - oldest < SILENCE_MS
  }

  /** Watches until `stop()`. */
  start(): void {
    const { signal } = this.#stop
    this.#isWatching = true
    void this.#environments.run(signal)
    void this.#featureFlags.run(signal)
  }

  /** Reconciles all resources once; what fails is tried again some times. Resolves with the names of those that failed or were refused. */
  async runOnce(): Promise<string[]> {
    await this.#featureFlags.list(this.#stop.signal)
    await this.#environments.list(this.#stop.signal)
    const results = new Map<string, Outcome['result']>()
    for (let failures = 0; failures < ONCE_TRIES; failures += 1) {
      if (failures > 0) await sleep(backoffMs(failures, Math.random))
      for (const [name, resource] of this.#environments.items)
        if ((results.get(name) ?? 'failed') === 'failed')
          results.set(name, (await this.#reconcile(name, () => this.#reconciler.reconcile(resource))).result)
      if (![...results.values()].includes('failed')) break
      await this.#environments.list(this.#stop.signal)
    }
    return [...results].filter(([, result]) => result === 'failed' || result === 'refused').map(([name]) => name)
  }

  /** Ends the watches, and waits for reconciles in progress, at most `ms`. */
  async stop(ms: number): Promise<void> {
    this.#stop.abort()
    const timer = setTimeout(() => this.#abort.abort(), ms)
    await this.#queue.close()
    clearTimeout(timer)
  }

  #managedFlags(): number {
    let sum = 0
    for (const count of this.#managed.values()) sum += count
    return sum
  }

  #onEnvironment(before: FlagEnvironment | undefined, after: FlagEnvironment | undefined): void {
    if (!this.#isWatching || this.#stop.signal.aborted) return
    const changed = after ?? before
    if (!changed) return
    const name = nameOf(changed)
    if (after) this.#gone.delete(name)
    if (!after && before && !before.metadata.finalizers.includes(FINALIZER)) this.#gone.set(name, before)
    if (!isSameWish(before, after)) this.#queue.add(name)
  }

  #onFeatureFlag(before: FeatureFlag | undefined, after: FeatureFlag | undefined): void {
    const namespace = (after ?? before)?.metadata.namespace
    if (!this.#isWatching || this.#stop.signal.aborted || isSameWish(before, after)) return
    for (const [name, { metadata }] of this.#environments.items)
      if (metadata.namespace === namespace) this.#queue.add(name)
  }

  async #work(name: string): Promise<number | undefined> {
    // Before all FeatureFlags are known, a reconcile would remove those that were not read yet.
    if (!this.#featureFlags.isSynced) return 100
    const resource = this.#environments.items.get(name)
    const gone = this.#gone.get(name)
    if (!resource && !gone) return this.#forget(name)
    const { result, error } = await this.#reconcile(name, () =>
      resource ? this.#reconciler.reconcile(resource) : this.#reconciler.release(gone as FlagEnvironment),
    )
    if (result !== 'failed') {
      this.#failures.delete(name)
      if (!resource) this.#gone.delete(name)
      return resource ? this.#options.resyncMs : this.#forget(name)
    }
    const failures = (this.#failures.get(name) ?? 0) + 1
    this.#failures.set(name, failures)
    return backoffMs(failures, Math.random, retryAfterOf(error))
  }

  #forget(name: string): undefined {
    this.#failures.delete(name)
    this.#managed.delete(name)
  }

  async #reconcile(name: string, work: () => Promise<Outcome>): Promise<Outcome> {
    const { log } = this.#options
    const start = performance.now()
    const outcome = await work()
    const seconds = (performance.now() - start) / 1_000
    const { result, error, fields, managed } = outcome
    this.metrics.noteReconcile(result, seconds)
    if (managed !== undefined) this.#managed.set(name, managed)
    const details = { flagEnvironment: name, result, seconds, ...fields }
    if (result === 'failed') log.warn('Cannot reconcile', { ...details, reason: reasonOf(error) })
    else if (result === 'refused') log.warn('Reconciled, with parts refused', details)
    else if (CHANGED.has(result)) log.info('Reconciled', details)
    else log.debug('Reconciled', details)
    return outcome
  }
}

/** Whether a resource says the same as before: a change of its status alone is none. */
function isSameWish(
  before: FlagEnvironment | FeatureFlag | undefined,
  after: FlagEnvironment | FeatureFlag | undefined,
) {
  if (!before || !after) return false
  const wishOf = ({ metadata }: FlagEnvironment | FeatureFlag) => {
    const { uid, generation, labels, annotations, finalizers, deletionTimestamp } = metadata
    return JSON.stringify([uid, generation, labels, annotations, finalizers, deletionTimestamp])
  }
  return wishOf(before) === wishOf(after)
}

const retryAfterOf = (error: unknown): number | undefined =>
  error instanceof KubernetesError || error instanceof ServiceError ? error.retryAfterMs : undefined
