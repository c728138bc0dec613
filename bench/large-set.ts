// The cost of one change of a set of 10,000 flags for a replica with Redis. Prints, as JSON and in milliseconds, the time to load the whole
// set, the time to apply one change, and the longest block of the event loop while a change arrives and its copy is written.

import { DatabaseHealth } from '../src/cache/freshness.ts'
import { nextSnapshot, Snapshots } from '../src/cache/snapshots.ts'
import { parseRedisUrl } from '../src/config/redis.ts'
import type { Definition } from '../src/flag/definition.ts'
import type { EnvironmentRevision, LoadedEnvironment } from '../src/repository/postgres/load-environment.ts'
import { openRedis } from '../src/repository/redis/client.ts'
import { snapshotStoreIn } from '../src/repository/redis/snapshot-store.ts'
import { startRedis } from '../test/support/redis.ts'
import { manyFlags } from './http-cases.ts'
import { median } from './processor.ts'

/** Milliseconds. */
export type LargeSet = { readonly load: number; readonly apply: number; readonly pause: number }

const FLAGS = 10_000
const CHANGES = 15
const NAME = 'bench/e'
const settings = { segments: {}, metadata: {}, bucketing: 'v2' as const }
const flags = new Map(Object.entries(manyFlags(FLAGS)) as [string, Definition][])
let revision = 1n

/** Stands in for Postgres, without its round trips. */
function read(since?: Pick<EnvironmentRevision, 'revision'>): LoadedEnvironment {
  const version = { incarnation: 'i', id: 1n, revision, changedAt: new Date(), changedIn: '' }
  if (since === undefined) return { ...version, isUpdate: false, flags, settings }
  const key = `flag-${Number(revision) * 37}`
  const changed = { ...flags.get(key), metadata: { revision: Number(revision) } } as Definition
  return { ...version, isUpdate: true, flags: since.revision < revision ? new Map([[key, changed]]) : new Map() }
}

function timed(work: () => unknown): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

async function pausesOf(snapshots: Snapshots): Promise<number> {
  let longest = 0
  let last = performance.now()
  let isOver = false
  const look = () => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  revision += 1n
  await snapshots.refresh(NAME)
  isOver = true
  return Math.max(longest, performance.now() - last)
}

const server = await startRedis()
const { send, close } = openRedis(parseRedisUrl(server.url))
try {
  const loads = Array.from({ length: 5 }, () => timed(() => nextSnapshot(NAME, read(), undefined)))
  const held = nextSnapshot(NAME, read(), undefined)
  const applies = Array.from({ length: CHANGES }, () => {
    revision += 1n
    return timed(() => nextSnapshot(NAME, read(held), held))
  })
  const replication = {
    snapshotStore: snapshotStoreIn(send, () => undefined),
    now: () => performance.now(),
    freshnessMs: 1_000,
    truthCheckMs: 10_000,
    databaseHealth: new DatabaseHealth(),
    log: () => undefined,
  }
  const snapshots = new Snapshots(replication, async (_, since) => read(since))
  await snapshots.current(NAME)
  const pauses: number[] = []
  for (let change = 0; change < CHANGES; change++) pauses.push(await pausesOf(snapshots))
  const figures: LargeSet = { load: median(loads), apply: median(applies), pause: median(pauses) }
  console.log(JSON.stringify(figures))
} finally {
  await close()
  await server.kill()
}
process.exit()
