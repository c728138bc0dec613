import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { StoreCalls } from '../repository/calls.ts'
import type { DatabaseAddress } from '../repository/postgres/connection/address.ts'
import { connect } from '../repository/postgres/connection/failover-pool.ts'
import { type Database, openDatabase } from '../repository/postgres/database.ts'
import { migrate } from '../repository/postgres/schema.ts'
import { lockFolder } from './folder-lock.ts'
import {
  accountFor,
  createCluster,
  giveTo,
  postgresPrograms,
  type RunningPostgres,
  startPostgres,
  stopLeftover,
} from './postgres.ts'
import { seedSampleFlags } from './seed.ts'

/** Port in the socket's name if `port` is undefined; set on both sides, so that PGPORT has no effect. */
const SOCKET_PORT = 5432

export type TrialDatabase = { readonly address: DatabaseAddress; readonly folder: string; stop(): Promise<void> }

/** Opens the embedded database, with schema and sample flags; `close()` stops its Postgres. */
export async function openTrialDatabase(folder: string, calls: StoreCalls): Promise<Database> {
  const trial = await startTrialDatabase(folder)
  try {
    const client = await connect(trial.address)
    await migrate(client)
    await client.end()
    const database = openDatabase(trial.address, calls, () => trial.stop())
    await seedSampleFlags(database)
    return database
  } catch (error) {
    await trial.stop()
    throw error
  }
}

/**
 * Starts Postgres in `folder`, with new data or those of an earlier start, even one that was killed. It listens on a Unix socket in a
 * folder that only its user may enter, and on `port` of 127.0.0.1 if set. Rejects with an error of one sentence.
 */
export async function startTrialDatabase(folder: string, port?: number): Promise<TrialDatabase> {
  const home = resolve(folder)
  const programs = await postgresPrograms()
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw cannotUse(home, cause)
  }
  const release = lockFolder(home)
  try {
    const running = await start(home, programs, port)
    const address = socketAddress(running.socketFolder, port ?? SOCKET_PORT)
    return {
      address,
      folder: home,
      async stop() {
        await running.stop()
        rmSync(running.socketFolder, { recursive: true, force: true })
        release()
      },
    }
  } catch (error) {
    release()
    throw error
  }
}

/** Address of the superuser, by the Unix socket in `folder`. */
function socketAddress(folder: string, port: number): DatabaseAddress {
  return {
    hosts: [{ host: folder, address: undefined, port }],
    user: 'flagstaff',
    password: undefined,
    database: 'postgres',
    tls: {
      mode: 'disable',
      ca: undefined,
      cert: undefined,
      key: undefined,
      passphrase: undefined,
      minVersion: 'TLSv1.2',
      maxVersion: undefined,
      negotiation: 'postgres',
    },
    channelBinding: 'disable',
    targetSessionAttrs: 'any',
    loadBalanceHosts: 'disable',
    connectTimeoutSeconds: undefined,
    keepAlive: { isOn: false, idleSeconds: undefined },
    applicationName: 'flagstaff',
    options: undefined,
  }
}

async function start(
  home: string,
  programs: Awaited<ReturnType<typeof postgresPrograms>>,
  port?: number,
): Promise<RunningPostgres & { socketFolder: string }> {
  const data = join(home, 'data')
  const account = await accountFor(data, programs.postgres)
  await stopLeftover(data)
  try {
    await createCluster(data, programs, account)
  } catch (cause) {
    throw cannotUse(home, cause)
  }
  // Not in `home`: a socket's path has at most 107 bytes.
  const socketFolder = mkdtempSync(join(tmpdir(), 'flagstaff-'))
  giveTo(socketFolder, account)
  try {
    const running = await startPostgres(
      {
        data,
        socketFolder,
        port: port ?? SOCKET_PORT,
        listensOnLoopback: port !== undefined,
        log: join(home, 'postgres.log'),
      },
      programs,
      account,
    )
    return { ...running, socketFolder }
  } catch (error) {
    rmSync(socketFolder, { recursive: true, force: true })
    throw error
  }
}

function cannotUse(folder: string, cause: unknown): Error {
  if (cause instanceof Error && !('code' in cause)) return cause
  const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
  return new Error(`Cannot start: the folder ${folder} cannot be used${code}; set FLAGSTAFF_TRIAL_DIR to another`, {
    cause,
  })
}
