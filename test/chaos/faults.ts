import { setTimeout as sleep } from 'node:timers/promises'
import { parseRedisUrl } from '../../src/config/redis.ts'
import type { SendCommand } from '../../src/repository/redis/address.ts'
import { openRedis } from '../../src/repository/redis/client.ts'
import type { Way } from '../support/proxy.ts'
import type { Ledger } from './ledger.ts'
import type { World } from './world.ts'

export type Fault = {
  readonly name: string
  readonly inject: (world: World, ledger: Ledger, ms: number) => Promise<void>
}

/** Disturbs the connection to a server for some time. */
const way = (server: 'toPostgres' | 'toRedis', bad: Way, name: string): Fault => ({
  name,
  inject: async (world, _ledger, ms) => {
    world[server].set(bad)
    await sleep(ms)
    world[server].set('open')
  },
})

/** All faults of the two servers and of the connections to them. */
export const FAULTS: readonly Fault[] = [
  way('toPostgres', 'refused', 'Postgres refused'),
  way('toPostgres', 'hanging', 'Postgres hanging'),
  way('toPostgres', 'truncating', 'Postgres cut off in the middle'),
  way('toPostgres', { delayMs: 700 }, 'Postgres slow'),
  way('toRedis', 'refused', 'Redis refused (loses writes after commits)'),
  way('toRedis', 'hanging', 'Redis hanging'),
  way('toRedis', 'truncating', 'Redis cut off in the middle'),
  way('toRedis', { delayMs: 300 }, 'Redis slow'),
  {
    name: 'both refused',
    inject: async (world, _ledger, ms) => {
      world.toPostgres.set('refused')
      world.toRedis.set('refused')
      await sleep(ms)
      world.toRedis.set('open')
      world.toPostgres.set('open')
    },
  },
  { name: 'Postgres killed', inject: (world) => world.crashPostgres() },
  {
    name: 'Postgres stopped (SIGSTOP)',
    inject: async (world, _ledger, ms) => {
      const thaw = world.freezePostgres()
      await sleep(ms)
      thaw()
    },
  },
  { name: 'Postgres restarted', inject: (world) => world.restartPostgres() },
  {
    name: 'Redis stopped (SIGSTOP)',
    inject: async (world, _ledger, ms) => {
      world.redis.freeze()
      await sleep(ms)
      world.redis.thaw()
    },
  },
  {
    name: 'Redis killed, back empty',
    inject: async (world, _ledger, ms) => {
      await world.redis.kill()
      await sleep(ms)
      await world.redis.start()
    },
  },
  { name: 'Redis flushed', inject: (world) => withRedis(world, async (send) => void (await send(['FLUSHALL']))) },
  {
    name: 'Redis back with old data',
    inject: (world, _ledger, ms) =>
      withRedis(world, async (send) => {
        const keys = (await send(['KEYS', 'flagstaff:*'])) as string[]
        const values = await Promise.all(keys.map((key) => send(['GET', key])))
        await sleep(ms)
        await Promise.all(keys.map((key, index) => send(['SET', key, String(values[index] ?? '')])))
      }),
  },
  {
    name: 'Postgres restored to an earlier state',
    inject: async (world, ledger, ms) => {
      world.toPostgres.set('refused') // the backup contains exactly the acknowledged changes
      await sleep(500)
      const then = ledger.state()
      await world.backUpPostgres()
      world.toPostgres.set('open')
      await sleep(ms)
      world.toPostgres.set('refused')
      await sleep(500)
      ledger.rewind(then)
      await world.restorePostgres()
    },
  },
]

async function withRedis(world: World, work: (send: SendCommand) => Promise<void>): Promise<void> {
  const { send, close } = openRedis(parseRedisUrl(world.redis.url))
  await work(send)
  await close()
}
