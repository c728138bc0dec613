/**
 * The load that replicas put on one Redis and one Postgres: 1, 10 and 50 clients made of the service's own caches and repository code, in
 * this process, on real servers. What one replica costs is extrapolated to 1,000, and to where a processor core of each server ends.
 * `--json` prints figures; `--check` exits with 1 if 1,000 replicas need more than half a core of a server (GOAL_CORES).
 */

import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { changeDefinition } from '../src/repository/postgres/definitions.ts'
import { createEnvironment } from '../src/repository/postgres/environments.ts'
import { applyFlagSet } from '../src/repository/postgres/flag-set.ts'
import { createProject } from '../src/repository/postgres/projects.ts'
import { makeCluster, startDebianPostgres } from '../test/support/debian-postgres.ts'
import { startRedis } from '../test/support/redis.ts'
import { AUTHOR, openStore } from '../test/support/store.ts'
import { type FleetClient, openFleetClient } from './fleet-client.ts'
import { observe, type StoreLoad } from './fleet-stores.ts'
import { FRACTIONAL, manyFlags } from './http-cases.ts'
import { describeMachine } from './machine.ts'

const option = (name: string, fallback: number) =>
  Number(argv.find((arg) => arg.startsWith(`--${name}=`))?.split('=')[1] ?? fallback)
const SIZES = [1, 10, 50]
const SECONDS = option('seconds', 30)
const CHANGES = option('changes', 10)
const FLAGS = option('flags', 350)
const REPLICAS = 1_000
const GOAL_CORES = 0.5
const FLOOD_SECONDS = 5
/** Evaluations of one client; more often than FRESHNESS_MS (1000), so that each check falls due as in a busy replica. */
const EVALUATE_MS = 100
/** Postgres publishes a session's statistics up to a second after its transaction. */
const SETTLE_MS = 1_500
const NAME = { project: 'p', environment: 'e' }

type Cost = { readonly [name in keyof StoreLoad]: number }
type Row = {
  readonly clients: number
  readonly perSecond: Cost
  readonly perChange: Cost
  readonly held: StoreLoad
  readonly followed: StoreLoad
}

const folder = mkdtempSync(join(tmpdir(), 'flagstaff-fleet-'))
chmodSync(folder, 0o755) // Postgres runs as another user
const server = await startDebianPostgres(makeCluster(join(folder, 'postgres')), {
  access: ['host all all 127.0.0.1/32 trust'],
  settings: { max_connections: '400', shared_buffers: '128MB' },
})
process.env['TEST_DATABASE_URL'] = `postgres://postgres@127.0.0.1:${server.port}/postgres`
const redis = await startRedis()
const store = await openStore()
const observer = await observe(new URL(store.url).pathname.slice(1), redis.url)
const write = { author: AUTHOR, expected: undefined, dryRun: false }
try {
  await prepare()
  const empty = await observer.read()
  const rows: Row[] = []
  for (const clients of SIZES) rows.push(await measure(clients))
  const limits = await flood()
  report(rows, limits, empty)
} finally {
  await observer.close()
  await store.close()
  await redis.kill()
  await server.stop()
  rmSync(folder, { recursive: true })
}

async function prepare(): Promise<void> {
  const { database } = store
  await createProject(database, { key: 'p', name: 'P', description: '' }, AUTHOR)
  const settings = { name: 'E', description: '', bucketing: 'v2' as const }
  await createEnvironment(database, NAME, { settings, author: AUTHOR })
  const document = {
    flags: new Map(Object.entries(manyFlags(FLAGS))),
    segments: {},
    metadata: {},
    members: {},
  } as never
  await applyFlagSet(database, NAME, { ...write, document, prune: false, strict: true })
}

/** Load of `count` clients: with evaluations only, for each change, and their connections. */
async function measure(count: number): Promise<Row> {
  const clients = Array.from({ length: count }, () => openFleetClient(store.url, redis.url))
  await Promise.all(clients.map((client) => client.evaluate()))
  const isOver = new AbortController()
  const loops = clients.map(async (client) => {
    while (!isOver.signal.aborted) {
      await client.evaluate()
      await sleep(EVALUATE_MS * (0.5 + Math.random()))
    }
  })
  await sleep(SECONDS * 100) // the checks of the clients drift apart
  const calm = await during(() => sleep(SECONDS * 1_000))
  const busy = await during(async () => {
    for (let nth = 0; nth < CHANGES; nth += 1) await change(clients, nth)
  })
  const held = await observer.read()
  await Promise.all(clients.map((client) => client.follow()))
  await sleep(SETTLE_MS)
  const followed = await observer.read()
  isOver.abort()
  await Promise.all(loops)
  await Promise.all(clients.map((client) => client.close()))
  const perSecond = each(calm.cost, (value) => value / calm.seconds / count)
  // A check that a change finds something at would have been due anyway, so that the difference may be none.
  const perChange = each(
    busy.cost,
    (value, name) => Math.max(0, value / count - perSecond[name] * busy.seconds) / CHANGES,
  )
  return { clients: count, perSecond, perChange, held, followed }
}

/** One change by the first client; resolves when every client has it. */
async function change(clients: readonly FleetClient[], nth: number): Promise<void> {
  const definition = { ...FRACTIONAL, metadata: { nth: Math.random() } } as never
  const flag = { ...NAME, flag: `flag-${nth}` }
  const changed = await changeDefinition(store.database, flag, { ...write, next: () => definition })
  await clients[0]?.refresh()
  for (const client of clients) while ((await client.evaluate()) < (changed?.revision ?? 0n)) await sleep(20)
}

async function during(work: () => Promise<unknown>): Promise<{ cost: Cost; seconds: number }> {
  await sleep(SETTLE_MS)
  const [before, started] = [await observer.read(), performance.now()]
  await work()
  const seconds = (performance.now() - started) / 1_000
  await sleep(SETTLE_MS)
  const after = await observer.read()
  return { cost: each(after, (value, name) => value - before[name]), seconds }
}

function each(load: Cost, next: (value: number, name: keyof StoreLoad) => number): Cost {
  const entries = Object.entries(load) as [keyof StoreLoad, number][]
  return Object.fromEntries(entries.map(([name, value]) => [name, next(value, name)])) as Cost
}

type Limits = {
  readonly redisRate: number
  readonly redisCpuUs: number
  readonly postgresRate: number
  readonly postgresCpuUs: number
}

/** The most checks per second that this machine does, and the server's processor time for each. */
async function flood(): Promise<Limits> {
  const clients = Array.from({ length: 20 }, () => openFleetClient(store.url, redis.url))
  await Promise.all(clients.map((client) => client.checkPostgres()))
  const rate = async (check: (client: FleetClient) => Promise<unknown>) => {
    let checks = 0
    const end = performance.now() + FLOOD_SECONDS * 1_000
    const loop = async (client: FleetClient) => {
      for (; performance.now() < end; checks += 1) await check(client)
    }
    const { cost } = await during(() => Promise.all(clients.flatMap((client) => [loop(client), loop(client)])))
    return {
      rate: checks / FLOOD_SECONDS,
      redis: (cost.redisCpuSeconds / checks) * 1e6,
      postgres: (cost.postgresCpuSeconds / checks) * 1e6,
    }
  }
  const ofRedis = await rate((client) => client.checkRedis())
  const ofPostgres = await rate((client) => client.checkPostgres())
  await Promise.all(clients.map((client) => client.close()))
  return {
    redisRate: ofRedis.rate,
    redisCpuUs: ofRedis.redis,
    postgresRate: ofPostgres.rate,
    postgresCpuUs: ofPostgres.postgres,
  }
}

function report(rows: readonly Row[], limits: Limits, empty: StoreLoad): void {
  const machine = describeMachine()
  const last = rows.at(-1)
  if (!last) return
  // Processor time is extrapolated from the flood: that of a few commands is below the resolution of the counters.
  const cores = {
    redis: (last.perSecond.redisCommands * REPLICAS * limits.redisCpuUs) / 1e6,
    postgres: (last.perSecond.transactions * REPLICAS * limits.postgresCpuUs) / 1e6,
    /** Seconds of a core for one change, which every replica loads. */
    postgresForChange: (last.perChange.transactions * REPLICAS * limits.postgresCpuUs) / 1e6,
  }
  const perClient = {
    redisKib: (last.followed.redisBytes - empty.redisBytes) / last.clients / 1_024,
    postgresMib: last.held.postgresBytes / Math.max(1, last.held.postgresConnections) / 2 ** 20,
  }
  if (argv.includes('--json'))
    console.log(JSON.stringify({ machine, flags: FLAGS, rows, limits, cores, perClient }, null, 2))
  else console.log(tables(rows, limits))
  if (!argv.includes('--json')) {
    console.log(
      `\n${REPLICAS} replicas need ${cores.redis.toFixed(2)} cores of Redis and ${cores.postgres.toFixed(2)} of Postgres; a core ends at ${whole(REPLICAS / cores.redis)} and ${whole(REPLICAS / cores.postgres)} replicas`,
    )
    console.log(
      `A followed client holds ${perClient.redisKib.toFixed(0)} KiB of Redis; a connection of Postgres is ${perClient.postgresMib.toFixed(1)} MiB of its own`,
    )
    console.log(`${machine.cores} × ${machine.cpu}; ${machine.runtime}; ${FLAGS} flags`)
  }
  if (argv.includes('--check') && Math.max(cores.redis, cores.postgres) > GOAL_CORES) process.exitCode = 1
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function tables(rows: readonly Row[], limits: Limits): string {
  const lines = rows.map(({ clients, perSecond, perChange, held, followed }) => {
    const cells = [
      clients,
      perSecond.redisCommands.toFixed(2),
      perSecond.transactions.toFixed(2),
      perChange.redisCommands.toFixed(1),
      perChange.transactions.toFixed(1),
      (perChange.redisOutBytes / 1_024).toFixed(1),
      (held.redisConnections / clients).toFixed(1),
      (followed.redisConnections / clients).toFixed(1),
      (held.postgresConnections / clients).toFixed(1),
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [
    '| replicas | Redis commands/s | Postgres transactions/s | commands for a change | transactions for a change | KiB from Redis for a change | Redis connections | with streams | Postgres connections |',
    '|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...lines,
    '',
    '| one check of the revision | most per second on this machine | server’s processor time µs |',
    '|---|---:|---:|',
    `| in Redis | ${whole(limits.redisRate)} | ${limits.redisCpuUs.toFixed(0)} |`,
    `| in Postgres | ${whole(limits.postgresRate)} | ${limits.postgresCpuUs.toFixed(0)} |`,
  ].join('\n')
}
