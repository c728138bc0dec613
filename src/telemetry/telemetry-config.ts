import type { Sampling } from './sampler.ts'

export type Protocol = 'http/protobuf' | 'http/json'
/** A batch queue: how many items wait at most, how many are sent at once, and how long the first of them waits. */
export type Queue = { readonly capacity: number; readonly batchMax: number; readonly delayMs: number }
type Sent = { readonly protocol: Protocol }
/** The signals that are sent to a collector; each undefined where it is not. */
export type TelemetryConfig = {
  readonly traces: (Queue & Sent & { readonly sampling: Sampling }) | undefined
  readonly exposures: (Queue & Sent & { readonly share: number }) | undefined
  readonly metrics: (Sent & { readonly intervalMs: number }) | undefined
}
/** Reports `count` items that were not exported, and why. */
export type OnLost = (cause: unknown, count: number) => void
