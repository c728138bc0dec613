// The part of a replica that uses the stores: its own connections, and the caches of one environment and of the keys.

import { KeyCache } from '../src/cache/authenticator.ts'
import { BOUNDARY_CLOCK } from '../src/cache/boundary-timer.ts'
import { DatabaseHealth } from '../src/cache/freshness.ts'
import { Snapshots } from '../src/cache/snapshots.ts'
import { Subscriptions } from '../src/cache/subscriptions.ts'
import { parseDatabaseUrl } from '../src/config/database.ts'
import { parseRedisUrl } from '../src/config/redis.ts'
import { openDatabase } from '../src/repository/postgres/database.ts'
import { readKeys } from '../src/repository/postgres/keys.ts'
import { loadEnvironment } from '../src/repository/postgres/load-environment.ts'
import { openRedis } from '../src/repository/redis/client.ts'
import { invalidationsIn } from '../src/repository/redis/invalidation.ts'
import { snapshotStoreIn } from '../src/repository/redis/snapshot-store.ts'

export type FleetClient = {
  /** What an evaluation does before it evaluates: the revision of the flags that this replica would use. */
  evaluate(): Promise<bigint>
  /** Begins to follow changes, as the first open event stream does. */
  follow(): Promise<void>
  /** Commands against the stores, as fast as possible one after the other. */
  checkRedis(): Promise<unknown>
  checkPostgres(): Promise<unknown>
  refresh(): Promise<void>
  close(): Promise<void>
}

const FLAG_SET = 'p/e'

/** One client with the intervals that the service has by default. */
export function openFleetClient(databaseUrl: string, redisUrl: string): FleetClient {
  const database = openDatabase(parseDatabaseUrl(databaseUrl))
  const address = parseRedisUrl(redisUrl)
  const redis = openRedis(address)
  const log = () => undefined
  const snapshotStore = snapshotStoreIn(redis.send, log)
  const replication = {
    snapshotStore,
    databaseHealth: new DatabaseHealth(),
    tracer: undefined,
    freshnessMs: 1_000,
    truthCheckMs: 10_000,
    now: () => performance.now(),
    wallNow: () => Date.now(),
    log,
  }
  const snapshots = new Snapshots(replication, (flagSetId, since) => loadEnvironment(database, flagSetId, since))
  const keys = new KeyCache(replication, (since) => readKeys(database, since), {
    adminSecret: undefined,
    wallNow: () => Date.now(),
    noteUse: log,
  })
  const subscriptions = new Subscriptions({
    replicated: (flagSetId) => snapshots.replicated(flagSetId),
    invalidations: invalidationsIn(address, log),
    checkMs: 1_000,
    clock: BOUNDARY_CLOCK,
  })
  let subscription: { leave(): void } | undefined
  return {
    evaluate: async () => {
      await keys.find('a key that does not exist, which a check finds out')
      return (await snapshots.current(FLAG_SET)).revision
    },
    follow: async () => {
      subscription = await subscriptions.add(FLAG_SET, { onSnapshot: log })
    },
    checkRedis: () => snapshotStore.readRevision(FLAG_SET),
    checkPostgres: async () => loadEnvironment(database, FLAG_SET, await snapshots.current(FLAG_SET)),
    refresh: () => snapshots.refresh(FLAG_SET),
    close: async () => {
      subscription?.leave()
      await redis.close()
      await database.close()
    },
  }
}
