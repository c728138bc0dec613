import type { LogLine } from '../../telemetry/log.ts'
import { newCounter } from '../../telemetry/metrics.ts'
import type { RedisAddress } from './address.ts'
import { INVALIDATION_CHANNEL, type RevisionId } from './snapshot-store.ts'
import type { ChannelSubscription } from './subscribe.ts'

/** What another replica has just stored. It may come late, twice or never: whoever hears it compares and asks. */
export type Invalidation = RevisionId & { readonly name: string }
export type InvalidationHandlers = {
  /** Listening begins, or begins again: what was said before is lost. */
  readonly onReady: () => void
  readonly onInvalidation: (hint: Invalidation) => void
}
/** Listens until `signal` aborts, over every break of the connection; then resolves. Never rejects. */
export type Invalidations = (ear: InvalidationHandlers, signal: AbortSignal) => Promise<void>

/** The wait before the next try doubles up to the largest; it is random, so that replicas do not come back in step. */
const BACKOFF_MIN_MS = 50
const BACKOFF_MAX_MS = 5_000
/** A subscription that lasted so long was a good one: the next wait is short again. */
const GOOD_MS = 10_000

/**
 * Invalidations, over pub/sub of the Redis at `address`, on a connection that is there only while somebody listens. `received` counts those that
 * came.
 */
export function invalidationsIn(address: RedisAddress, log: LogLine, received = newCounter()): Invalidations {
  return async ({ onReady, onInvalidation: onHint }, signal) => {
    let failures = 0
    const onMessage = (message: string) => {
      const hint = parseInvalidation(message)
      if (!hint) return
      received.value += 1
      onHint(hint)
    }
    while (!signal.aborted) {
      const since = performance.now()
      try {
        await subscribeToChannel(address, { channel: INVALIDATION_CHANNEL, signal, onReady, onMessage })
      } catch (cause) {
        log('The subscription to hints broke', { cause })
      }
      failures = performance.now() - since >= GOOD_MS ? 0 : failures + 1
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
 * Listens to one channel on a connection of its own. Resolves when the other end ends it or `signal` aborts, rejects when it
 * breaks; it does not come back by itself.
 */
export async function subscribeToChannel(address: RedisAddress, subscription: ChannelSubscription): Promise<void> {
  // Loaded on first use: the client takes longer to load than the rest of a start.
  if ('host' in address) return (await import('./subscribe.ts')).subscribeToRedis(address, subscription)
  return (await import('./upstash.ts')).subscribeToUpstash(address, subscription)
}
