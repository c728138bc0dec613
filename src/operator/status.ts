import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Condition, FlagEnvironment, FlagEnvironmentStatus } from './kubernetes/resources.ts'
import type { Merged, Refusal } from './merge.ts'
import { type Applied, ServiceError } from './service.ts'

const REFUSED_MAX = 20
const MESSAGE_LENGTH_MAX = 1_000
type NewCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

/** The status after the service has answered. */
export function appliedStatus(
  resource: FlagEnvironment,
  { merged, applied, now }: { merged: Merged; applied: Applied; now: Date },
): FlagEnvironmentStatus {
  const refused: Refusal[] = [
    ...merged.refused,
    ...applied.refused.map(({ pointer, detail }) => ({
      featureFlag: merged.ownerOf(pointer),
      pointer,
      message: shorten(detail),
    })),
  ]
  const count = refusedFlags(refused)
  const wanted = Object.keys(merged.document.flags).length
  const kept = new Set(applied.refused.map(({ pointer }) => placeOf(pointer)).filter(isFlag)).size
  const first = refused[0]
  const ready: NewCondition = first
    ? {
        type: 'Ready',
        status: 'False',
        reason: 'Refused',
        message: `${first.featureFlag} ${first.pointer}: ${first.message}`,
      }
    : { type: 'Ready', status: 'True', reason: 'Applied', message: `${wanted} flags are applied` }
  return statusOf(resource, now, {
    revision: applied.revision,
    digest: digestOf(merged),
    flags: { applied: wanted - kept, refused: count },
    refused: refused.slice(0, REFUSED_MAX),
    conditions: [
      ready,
      { type: 'Synced', status: 'True', reason: 'Applied', message: `Revision ${applied.revision}` },
      driftOf(resource, applied),
    ],
  })
}

function driftOf({ spec }: FlagEnvironment, { drifted }: Applied): NewCondition {
  const type = 'DriftDetected'
  if (drifted.length === 0) return { type, status: 'False', reason: 'NoDrift', message: 'No change by others' }
  const places = `${drifted.slice(0, REFUSED_MAX).join(', ')}${drifted.length > REFUSED_MAX ? ', …' : ''}`
  return spec.drift === 'Correct'
    ? { type, status: 'True', reason: 'Corrected', message: `Changed by others and corrected: ${places}` }
    : { type, status: 'True', reason: 'Reported', message: `Changed by others: ${places}` }
}

const REASONS: Readonly<Record<number, string>> = {
  0: 'Unreachable',
  401: 'Unauthenticated',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  413: 'TooLarge',
  429: 'Overloaded',
  503: 'Unavailable',
}

/** The status after a failure: what is known of the last success stays. */
export function failedStatus(resource: FlagEnvironment, error: unknown, now: Date): FlagEnvironmentStatus {
  const reason = error instanceof ServiceError ? (REASONS[error.status] ?? 'Failed') : 'Failed'
  const message = error instanceof Error ? error.message : String(error)
  return statusOf(resource, now, {
    ...resource.status,
    conditions: [
      { type: 'Ready', status: 'False', reason, message },
      { type: 'Synced', status: 'False', reason, message },
    ],
  })
}

export function suspendedStatus(resource: FlagEnvironment, now: Date): FlagEnvironmentStatus {
  const message = 'spec.suspend is true: nothing is applied'
  return statusOf(resource, now, {
    ...resource.status,
    conditions: [
      { type: 'Ready', status: 'Unknown', reason: 'Suspended', message },
      { type: 'Synced', status: 'Unknown', reason: 'Suspended', message },
    ],
  })
}

type NewStatus = Partial<Omit<FlagEnvironmentStatus, 'conditions'>> & { readonly conditions: readonly NewCondition[] }

/** Conditions keep the time of their last transition; those that are not given stay. */
function statusOf(
  { metadata: { generation }, status }: FlagEnvironment,
  now: Date,
  { conditions, refused = [], ...rest }: NewStatus,
): FlagEnvironmentStatus {
  const before = new Map(status?.conditions.map((condition) => [condition.type, condition]))
  for (const condition of conditions) {
    const known = before.get(condition.type)
    const lastTransitionTime =
      known?.status === condition.status ? known.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`
    before.set(condition.type, {
      ...condition,
      message: shorten(condition.message),
      observedGeneration: generation,
      lastTransitionTime,
    })
  }
  return { ...rest, refused, observedGeneration: generation, conditions: [...before.values()] }
}

/** Whether writing the status would change nothing. */
export const isSameStatus = (before: FlagEnvironmentStatus | undefined, after: FlagEnvironmentStatus): boolean =>
  isDeepStrictEqual(before, after)

const placeOf = (pointer: string): string => pointer.split('/').slice(0, 3).join('/')
const isFlag = (place: string): boolean => place.startsWith('/flags/')
const refusedFlags = (refused: readonly Refusal[]): number =>
  new Set(refused.map(({ pointer }) => placeOf(pointer)).filter(isFlag)).size

const shorten = (message: string): string =>
  message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX - 1)}…` : message

/** SHA-256 of what is wanted. */
const digestOf = ({ document }: Merged): string =>
  `sha256:${createHash('sha256').update(JSON.stringify(document)).digest('hex')}`
