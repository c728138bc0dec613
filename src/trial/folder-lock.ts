import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

const TRIES_MAX = 100

/**
 * Locks a folder for this process and returns the release. A trial database has one process at a time, because the first to end would stop
 * Postgres for the other. The lock of a dead process, for example after SIGKILL, is replaced.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'owner')
  const mine = `${process.pid} ${startTimeOf(process.pid) ?? ''} ${randomBytes(6).toString('hex')}`
  const draft = `${path}.${process.pid}`
  try {
    writeFileSync(draft, mine)
    const isTaken = take(path, draft)
    rmSync(draft)
    if (!isTaken)
      throw new Error(
        `Cannot start: another Flagstaff uses the folder ${folder}; stop it or set FLAGSTAFF_TRIAL_DIR to another`,
      )
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause
    throw new Error(
      `Cannot start: the folder ${folder} cannot be used (${String(cause.code)}); set FLAGSTAFF_TRIAL_DIR to another`,
      { cause },
    )
  }
  return () => {
    if (readText(path) === mine) rmSync(path, { force: true })
  }
}

/** Creates the lock, or replaces that of a dead process. False if a live process has the lock. */
function take(path: string, draft: string): boolean {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const owner = readText(path)
    if (owner === undefined) {
      if (link(draft, path)) return true
      continue
    }
    if (isOwnerAlive(owner)) return false
    if (replaceDeadOwner(path, owner, draft)) return true
  }
  return false
}

/**
 * Replaces the lock of a dead owner. Of several concurrent starts only one may succeed: each tries to link the successor's name, and only
 * the one that succeeds, while the lock still names the dead owner, may replace the lock.
 */
function replaceDeadOwner(path: string, owner: string, draft: string): boolean {
  const place = linkSuccessor(path, owner, draft)
  if (place === undefined) return false
  if (readText(path) !== owner) {
    rmSync(place, { force: true })
    return false
  }
  renameSync(place, path)
  const left = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.after-`))
  for (const name of left) rmSync(join(dirname(path), name), { force: true })
  return true
}

/** Links the successor's name of `last`, or of a successor that has died since. Undefined if a live process has it. */
function linkSuccessor(path: string, last: string, draft: string): string | undefined {
  const place = `${path}.after-${last.trim().replace(/\W+/g, '-')}`
  if (link(draft, place)) return place
  const next = readText(place)
  return next === undefined || isOwnerAlive(next) ? undefined : linkSuccessor(path, next, draft)
}

/** Creates a hard link, which never replaces a file: of concurrent attempts one succeeds. */
function link(draft: string, path: string): boolean {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function isOwnerAlive(claim: string): boolean {
  const [pid = '', start = ''] = claim.trim().split(' ')
  return isAlive(Number(pid)) && start === (startTimeOf(Number(pid)) ?? '')
}

/** The text of a file; undefined if it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** True if a process with this id runs, as this user or another. Zombies do not count. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  return !/^[ZX]/.test(statusOf(pid)?.[0] ?? '')
}

/** Start time of a process in kernel ticks, which distinguishes it from a later one with the same id. Undefined without /proc. */
export function startTimeOf(pid: number): string | undefined {
  return statusOf(pid)?.[19]
}

/**
 * True if the process is a Postgres that serves this folder. The recorded id may belong to another process by now, even to another
 * Postgres.
 */
export function servesFolder(pid: number, data: string): boolean {
  const command = commandOf(pid)
  if (!command.includes('postgres')) return false
  return `${command} `.includes(` -D ${data} `) || worksIn(pid) === realpathSync(data)
}

/** The fields of proc_pid_stat(5) after the name, which may contain spaces: state is the first, start time the twentieth. */
function statusOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')
  } catch {
    return undefined
  }
}

function commandOf(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

/** The working folder, which for Postgres is its data folder. Undefined without permission. */
function worksIn(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}
