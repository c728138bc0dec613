import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseDatabaseUrl } from '../../src/config/database.ts'
import { connect } from '../../src/repository/postgres/connection/failover-pool.ts'
import { migrate, renewIncarnation } from '../../src/repository/postgres/schema.ts'
import { startTrialDatabase, type TrialDatabase } from '../../src/trial/database.ts'
import { startAtFreePort } from '../support/daemon.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { startProxy, type TcpProxy } from '../support/proxy.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { request } from '../support/replicas.ts'

export const FLAGS = '/api/v1/projects/p/environments/e/flags'

/** Replicas with a Postgres and a Redis that can fail: each is reached through a proxy. */
export type World = {
  readonly adminKey: string
  readonly clientKey: string
  readonly replicas: readonly Running[]
  readonly toPostgres: TcpProxy
  readonly toRedis: TcpProxy
  readonly redis: RedisServer
  /** Ends Postgres without warning and starts it again. */
  crashPostgres(): Promise<void>
  restartPostgres(): Promise<void>
  /** Suspends all of its processes; returns a function that resumes them. */
  freezePostgres(): () => void
  /** Copies the data folder of a stopped Postgres; `restorePostgres` brings that state back under a new incarnation. */
  backUpPostgres(): Promise<void>
  restorePostgres(): Promise<void>
  close(): Promise<void>
}

export async function createWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-chaos-'))
  const [live, backup] = [join(folder, 'live'), join(folder, 'backup')]
  let postgres: TrialDatabase
  const startPostgres = async (port: number): Promise<number> => {
    postgres = await startTrialDatabase(live, port)
    return port
  }
  const port = await startAtFreePort(startPostgres)
  const direct = `postgres://flagstaff@127.0.0.1:${port}/postgres`
  const onSchema = async (command: typeof migrate | typeof renewIncarnation) => {
    const client = await connect(parseDatabaseUrl(direct))
    await command(client)
    await client.end()
  }
  await onSchema(migrate)
  const redis = await startRedis()
  const toPostgres = await startProxy({ host: '127.0.0.1', port })
  const toRedis = await startProxy({ host: '127.0.0.1', port: redis.port })
  const adminKey = randomBytes(24).toString('base64url')
  const env = {
    DATABASE_URL: `postgres://flagstaff@127.0.0.1:${toPostgres.port}/postgres`,
    REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
    FLAGSTAFF_ADMIN_KEY: adminKey,
    FRESHNESS_MS: '200',
    TRUTH_CHECK_MS: '1000',
    LOG_LEVEL: 'error',
  }
  const replicas: Running[] = []
  for (const runtime of ['bun', 'node', 'bun'] as const)
    replicas.push(await startService({ ...env, LOG_LEVEL: 'info' }, { runtime }))
  const clientKey = await furnish(replicas[0]?.address ?? '', adminKey)
  const postmaster = () => {
    const pid = Number(readFileSync(join(live, 'data/postmaster.pid'), 'utf8').split('\n')[0])
    if (!(pid > 1)) throw new Error('Cannot find the process of Postgres') // 0 would name our own process group
    return pid
  }
  const whileDown = async (work: () => void) => {
    await postgres.stop()
    work()
    await startPostgres(port)
  }
  return {
    adminKey,
    clientKey,
    replicas,
    toPostgres,
    toRedis,
    redis,
    crashPostgres: async () => {
      process.kill(postmaster(), 'SIGKILL')
      await whileDown(() => undefined)
    },
    freezePostgres: () => {
      const server = postmaster()
      const members = [server, ...childrenOf(server)]
      for (const pid of members) signal(pid, 'SIGSTOP')
      return () => {
        for (const pid of members) signal(pid, 'SIGCONT')
      }
    },
    restartPostgres: () => whileDown(() => undefined),
    backUpPostgres: () =>
      whileDown(() => {
        copyFolder(join(live, 'data'), backup)
      }),
    restorePostgres: async () => {
      // As operators should: no replica reaches the old state before it is marked as restored.
      toPostgres.set('refused')
      await whileDown(() => {
        copyFolder(backup, join(live, 'data'))
      })
      await onSchema(renewIncarnation)
      toPostgres.set('open')
    },
    close: async () => {
      for (const { child, output } of replicas)
        if (child.exitCode !== null || child.signalCode !== null)
          console.error(`A replica ended by itself:\n${output().slice(-4_000)}`)
      await Promise.all(replicas.map(kill))
      await Promise.all([toPostgres.close(), toRedis.close(), redis.kill()])
      await postgres.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** An environment to write to, and the key of an application. */
export async function furnish(address: string, adminKey: string): Promise<string> {
  const send = (path: string, body: object) => sendUntilAccepted(address, adminKey, { method: 'POST', path, body })
  await send('/api/v1/projects', { key: 'p' })
  await send('/api/v1/projects/p/environments', { key: 'e' })
  const { body } = await send('/api/v1/keys', {
    name: 'app',
    role: 'client',
    environment: { project: 'p', environment: 'e' },
  })
  return body.secret
}

const ACCEPTED_MS = 30_000

/** Sends a request again while the response is 503, as on a machine that is too busy for the service's time limits. */
export async function sendUntilAccepted(
  address: string,
  key: string,
  message: Parameters<typeof request>[2],
): ReturnType<typeof request> {
  const late = performance.now() + ACCEPTED_MS
  for (;;) {
    const answer = await request(address, key, message)
    if (answer.status !== 503 || performance.now() > late) return answer
    await sleep(200)
  }
}

/** Replaces one folder by a copy of another, with owners and rights as they are. */
function copyFolder(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true })
  execFileSync('cp', ['-a', from, to])
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

/** Ignores a process that has ended. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
