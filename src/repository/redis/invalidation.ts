import type { LogLine } from '../../telemetry/log.ts'
import { newCounter } from '../../telemetry/metrics.ts'
import type { RedisAddress } from './address.ts'
import { INVALIDATION_CHANNEL, type RevisionId } from './snapshot-store.ts'
import type { ChannelSubscription } from './subscribe.ts'

/** A revision that another replica stored. It may arrive late, twice or never: compare it with the cached revision. */
export type Invalidation = RevisionId & { readonly name: string }
export type InvalidationHandlers = {
  /** The subscription started, or started again: earlier invalidations may be lost. */
  readonly onReady: () => void
  readonly onInvalidation: (invalidation: Invalidation) => void
}
/** Subscribes, and reconnects after errors, until `signal` aborts; then resolves. Never rejects. */
export type Invalidations = (handlers: InvalidationHandlers, signal: AbortSignal) => Promise<void>

/** The delay before a reconnect doubles up to the maximum; it is random, so that replicas do not reconnect at once. */
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 5_000
/** A subscription that lasted this long resets the delay to the minimum. */
const STABLE_MS = 10_000

/**
 * Invalidations by pub/sub of the Redis at `address`. The connection exists only during a subscription. `received` counts the
 * invalidations.
 */
export function invalidationsIn(address: RedisAddress, log: LogLine, received = newCounter()): Invalidations {
  return async ({ onReady, onInvalidation }, signal) => {
    let failures = 0
    const onMessage = (message: string) => {
      const invalidation = parseInvalidation(message)
      if (!invalidation) return
      received.value += 1
      onInvalidation(invalidation)
    }
    while (!signal.aborted) {
      const since = performance.now()
      try {
        await subscribeToChannel(address, { channel: INVALIDATION_CHANNEL, signal, onReady, onMessage })
      } catch (cause) {
        log('The subscription to invalidations failed', { cause })
      }
      failures = performance.now() - since >= STABLE_MS ? 0 : failures + 1
      const wait = Math.min(BACKOFF_MIN_MS * 2 ** failures, BACKOFF_MAX_MS) * (0.5 + Math.random() / 2)
      const { setTimeout: sleep } = process.getBuiltinModule('node:timers/promises')
      if (!signal.aborted) await sleep(wait, undefined, { signal }).catch(() => undefined)
    }
  }
}

/** Reads `<name> <incarnation> <revision>`; undefined for anything else. */
export function parseInvalidation(message: string): Invalidation | undefined {
  const [, name, incarnation, revision] = /^(\S{1,300}) (\S{1,64}) (\d{1,19})$/.exec(message) ?? []
  if (name === undefined || incarnation === undefined || revision === undefined) return undefined
  return { name, incarnation, revision: BigInt(revision) }
}

/**
 * Subscribes to a channel on a separate connection. Resolves when the server ends it or `signal` aborts; rejects on errors. Does not
 * reconnect.
 */
export async function subscribeToChannel(address: RedisAddress, subscription: ChannelSubscription): Promise<void> {
  // Loaded on first use: the client takes longer to load than the rest of a start.
  if ('host' in address) return (await import('./subscribe.ts')).subscribeToRedis(address, subscription)
  return (await import('./upstash.ts')).subscribeToUpstash(address, subscription)
}
