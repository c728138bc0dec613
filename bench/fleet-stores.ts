// What Redis and Postgres say about their own load: commands, connections, processor time and memory.

import { readFileSync } from 'node:fs'
import { parseDatabaseUrl } from '../src/config/database.ts'
import { parseRedisUrl } from '../src/config/redis.ts'
import { connect } from '../src/repository/postgres/connection/failover-pool.ts'
import { openRedis } from '../src/repository/redis/client.ts'
import { serverUrl } from '../test/support/postgres.ts'

export type StoreLoad = {
  readonly redisCommands: number
  readonly redisCpuSeconds: number
  readonly redisOutBytes: number
  readonly redisConnections: number
  readonly redisBytes: number
  readonly transactions: number
  readonly postgresCpuSeconds: number
  readonly postgresConnections: number
  readonly postgresBytes: number
}
export type Observer = { read(): Promise<StoreLoad>; close(): Promise<void> }

/** Kernel clock ticks per second, of which /proc counts processor time. */
const TICKS = 100

/** Reads both servers over connections that are not counted. `database` is the name of the observed one. */
export async function observe(database: string, redisUrl: string): Promise<Observer> {
  const postgres = await connect(parseDatabaseUrl(serverUrl()))
  const redis = openRedis(parseRedisUrl(redisUrl))
  let ended = 0
  let seen = new Map<number, number>()
  const read = async (): Promise<StoreLoad> => {
    const info = String(await redis.send(['INFO', 'all']))
    const field = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? Number.NaN)
    const { rows } = await postgres.query<{ transactions: string; pids: number[] }>(
      `select xact_commit + xact_rollback as transactions,
         (select coalesce(array_agg(pid), '{}') from pg_stat_activity a where a.datname = d.datname) as pids
       from pg_stat_database d where datname = $1`,
      [database],
    )
    const pids = rows[0]?.pids ?? []
    const now = new Map(pids.map((pid) => [pid, cpuTicksOf(pid)]))
    for (const [pid, ticks] of seen) if (!now.has(pid)) ended += ticks // its last use is lost
    seen = now
    const ticks = ended + [...now.values()].reduce((sum, ticks) => sum + ticks, 0)
    return {
      redisCommands: field('total_commands_processed'),
      redisCpuSeconds: field('used_cpu_user') + field('used_cpu_sys'),
      redisOutBytes: field('total_net_output_bytes'),
      redisConnections: field('connected_clients') - 1,
      redisBytes: field('used_memory'),
      transactions: Number(rows[0]?.transactions),
      postgresCpuSeconds: ticks / TICKS,
      postgresConnections: pids.length,
      postgresBytes: pids.reduce((sum, pid) => sum + ownBytesOf(pid), 0),
    }
  }
  return { read, close: async () => void (await Promise.all([postgres.end(), redis.close()])) }
}

/** User and system time; fields 14 and 15 of proc(5)'s stat, counted behind the name in parentheses. */
function cpuTicksOf(pid: number): number {
  const fields = procText(pid, 'stat')
    .replace(/^.*\) /, '')
    .split(' ')
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
}

/** Memory of a process that no other one shares. */
function ownBytesOf(pid: number): number {
  const found = [...procText(pid, 'smaps_rollup').matchAll(/^Private_\w+: +(\d+) kB/gm)]
  return found.reduce((sum, [, kib]) => sum + Number(kib) * 1_024, 0)
}

/** Empty for a process that has ended. */
function procText(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}
