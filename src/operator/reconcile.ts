import type { LogFields } from '../telemetry/log.ts'
import { type KubernetesApi, KubernetesError } from './kubernetes/api.ts'
import {
  API_VERSION,
  type FeatureFlag,
  FINALIZER,
  type FlagEnvironment,
  type FlagEnvironmentStatus,
  flagEnvironmentsPath,
  isSelected,
  nameOf,
  ORPHAN,
} from './kubernetes/resources.ts'
import { mergeFeatureFlags } from './merge.ts'
import { type Applied, type ServiceClient, ServiceError } from './service.ts'
import { appliedStatus, failedStatus, isSameStatus, suspendedStatus } from './status.ts'

/** How long a deletion waits for a service that cannot be reached, before the flags are left as they are. */
const DELETION_MS = 10 * 60_000
const FIELD_MANAGER = 'flagstaff-operator'

export type ReconcilerOptions = {
  readonly api: Pick<KubernetesApi, 'call'>
  readonly service: Pick<ServiceClient, 'apply' | 'release' | 'createEnvironment'>
  /** The FeatureFlags of all watched namespaces. */
  readonly featureFlags: () => Iterable<FeatureFlag>
  readonly now: () => Date
  /** Aborts calls of the API server. */
  readonly signal: AbortSignal
}
/** `applied`: something changed. */
export type Outcome = {
  readonly result: 'applied' | 'unchanged' | 'refused' | 'suspended' | 'released' | 'deleted' | 'failed'
  readonly error?: unknown
  readonly fields?: LogFields
  /** Flags that the service now has of this resource; undefined where it is not known. */
  readonly managed?: number
}

/** Makes environments of Flagstaff what FlagEnvironments and FeatureFlags say. */
export class Reconciler {
  readonly #options: ReconcilerOptions

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  /** Reconciles one resource, always as a whole. Never fails: an error is the outcome. */
  async reconcile(resource: FlagEnvironment): Promise<Outcome> {
    try {
      if (resource.metadata.deletionTimestamp !== undefined) return await this.#delete(resource)
      if (resource.spec.suspend) {
        await this.#writeStatus(resource, suspendedStatus(resource, this.#options.now()))
        return { result: 'suspended' }
      }
      await this.#setFinalizer(resource, resource.spec.prune)
      return await this.#apply(resource)
    } catch (error) {
      // A server that refuses requests for now gets no further one.
      if (!(error instanceof KubernetesError && error.status === 429))
        await this.#writeStatus(resource, failedStatus(resource, error, this.#options.now())).catch(() => undefined)
      return { result: 'failed', error }
    }
  }

  /** Ends what a resource managed that is gone without a finalizer. */
  async release(resource: FlagEnvironment): Promise<Outcome> {
    try {
      await this.#options.service.release(resource.spec, managerOf(resource))
      return { result: 'released', managed: 0 }
    } catch (error) {
      return { result: 'failed', error }
    }
  }

  async #apply(resource: FlagEnvironment): Promise<Outcome> {
    const selected = [...this.#options.featureFlags()].filter((one) => isSelected(one, resource))
    const merged = mergeFeatureFlags(selected)
    const applied = await this.#applyOrCreate(resource, { ...merged.document, keep: merged.keep })
    const status = appliedStatus(resource, { merged, applied, now: this.#options.now() })
    await this.#writeStatus(resource, status)
    const { created, updated, removed, adopted, drifted, revision, managed } = applied
    const counts = {
      created: created.length,
      updated: updated.length,
      removed: removed.length,
      adopted: adopted.length,
    }
    const fields = { revision, ...counts, drifted: drifted.length, refused: status.refused.length }
    const isChanged = created.length + updated.length + removed.length + adopted.length > 0
    return { result: status.refused.length > 0 ? 'refused' : isChanged ? 'applied' : 'unchanged', fields, managed }
  }

  async #applyOrCreate(
    resource: FlagEnvironment,
    document: Parameters<ServiceClient['apply']>[0]['document'],
  ): Promise<Applied> {
    const { service } = this.#options
    const { project, environment, adopt, prune, drift, createEnvironment } = resource.spec
    const application = {
      ...{ project, environment, document, prune },
      manager: managerOf(resource),
      adopt: adopt === 'Merge',
      drift: drift === 'Correct' ? ('correct' as const) : ('report' as const),
      comment: commentOf(resource),
    }
    try {
      return await service.apply(application)
    } catch (error) {
      if (!(createEnvironment && error instanceof ServiceError && error.status === 404)) throw error
      await service.createEnvironment(resource.spec, application.comment)
      return service.apply(application)
    }
  }

  /** Archives what the resource managed, then lets it be deleted. */
  async #delete(resource: FlagEnvironment): Promise<Outcome> {
    const { metadata, spec } = resource
    if (!metadata.finalizers.includes(FINALIZER)) return { result: 'unchanged' }
    const isOrphaned = spec.suspend || metadata.annotations[ORPHAN] === 'true'
    try {
      if (!isOrphaned) await this.#removeFlags(resource)
      await this.#options.service.release(spec, managerOf(resource))
    } catch (error) {
      const waitedMs = this.#options.now().getTime() - Date.parse(metadata.deletionTimestamp ?? '')
      const isGone = error instanceof ServiceError && error.status === 404
      if (!isOrphaned && !isGone && waitedMs < DELETION_MS) throw error
      if (!isGone) await this.#warn(resource, 'FlagsLeft', `The flags are left as they are: ${messageOf(error)}`)
    }
    await this.#setFinalizer(resource, false)
    return { result: 'deleted', managed: 0 }
  }

  async #removeFlags(resource: FlagEnvironment): Promise<void> {
    const { project, environment } = resource.spec
    await this.#options.service.apply({
      ...{ project, environment, adopt: false, prune: true, drift: 'correct' },
      manager: managerOf(resource),
      document: { flags: {}, $evaluators: {}, metadata: {}, keep: [] },
      comment: commentOf(resource),
    })
  }

  async #setFinalizer(resource: FlagEnvironment, isWanted: boolean): Promise<void> {
    const { finalizers, resourceVersion } = resource.metadata
    if (finalizers.includes(FINALIZER) === isWanted) return
    const others = finalizers.filter((name) => name !== FINALIZER)
    await this.#options.api.call('PATCH', pathOf(resource), {
      body: { metadata: { finalizers: isWanted ? [...others, FINALIZER] : others, resourceVersion } },
      contentType: 'application/merge-patch+json',
      signal: this.#options.signal,
    })
  }

  /** Server-side apply, of the status alone; nothing is written if it would change nothing. */
  async #writeStatus(resource: FlagEnvironment, status: FlagEnvironmentStatus): Promise<void> {
    if (isSameStatus(resource.status, status)) return
    const { name, namespace } = resource.metadata
    await this.#options.api.call('PATCH', `${pathOf(resource)}/status`, {
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      body: { apiVersion: API_VERSION, kind: 'FlagEnvironment', metadata: { name, namespace }, status },
      contentType: 'application/apply-patch+yaml',
      signal: this.#options.signal,
    })
  }

  async #warn(resource: FlagEnvironment, reason: string, message: string): Promise<void> {
    const { name, namespace, uid } = resource.metadata
    const time = `${this.#options.now().toISOString().slice(0, 19)}Z`
    const event = {
      ...{ apiVersion: 'v1', kind: 'Event', type: 'Warning', reason, message, count: 1 },
      metadata: { generateName: `${name}.`, namespace },
      involvedObject: { apiVersion: API_VERSION, kind: 'FlagEnvironment', name, namespace, uid },
      source: { component: FIELD_MANAGER },
      ...{ firstTimestamp: time, lastTimestamp: time },
    }
    const path = `/api/v1/namespaces/${namespace}/events`
    await this.#options.api.call('POST', path, { body: event, signal: this.#options.signal }).catch(() => undefined)
  }
}

const pathOf = ({ metadata: { namespace, name } }: FlagEnvironment): string =>
  `${flagEnvironmentsPath(namespace)}/${name}`

/** The name under which the service knows who manages a flag. */
const managerOf = (resource: FlagEnvironment): string => `kubernetes:${nameOf(resource)}`

/** Stands in the record of each change. */
const commentOf = (resource: FlagEnvironment): string => `operator ${nameOf(resource)}@${resource.metadata.generation}`

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
