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
 * Claims a folder for this process and returns how to let go of it. Only one process may use a trial database: the one that
 * ends first would stop it under the other. A claim whose process is gone, as after a kill -9, counts no more.
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

/** Puts the draft in the place of nobody's claim, or a dead one. False when a living process has it. */
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
 * Takes over from a dead owner. Several starts may find the same one dead, and only one may win: each tries to link the
 * one name that follows it. Who has that name, while the claim is still the dead one's, alone may replace the claim.
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

/** Links the name that follows `last`, or whoever followed it and died before it was done. Undefined when that one lives. */
function linkSuccessor(path: string, last: string, draft: string): string | undefined {
  const place = `${path}.after-${last.trim().replace(/\W+/g, '-')}`
  if (link(draft, place)) return place
  const next = readText(place)
  return next === undefined || isOwnerAlive(next) ? undefined : linkSuccessor(path, next, draft)
}

/** Links, which unlike a write never replaces: of several that try, one succeeds. */
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

/** True when a process of this id runs, ours or another user's. A zombie does not: it waits for a parent that may never ask. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  return !/^[ZX]/.test(statusOf(pid)?.[0] ?? '')
}

/** When a process began, in the kernel's ticks: tells it from a later one that got its id. Undefined where /proc is not. */
export function startTimeOf(pid: number): string | undefined {
  return statusOf(pid)?.[19]
}

/**
 * True when the process is a Postgres that serves exactly this folder. An id that was written down may by now belong to
 * anything, another Postgres of another Flagstaff included.
 */
export function servesFolder(pid: number, data: string): boolean {
  const command = commandOf(pid)
  if (!command.includes('postgres')) return false
  return `${command} `.includes(` -D ${data} `) || worksIn(pid) === realpathSync(data)
}

/** The fields of proc_pid_stat(5) after the name, which may hold spaces: state first, start time twentieth. */
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

/** Postgres works in its data folder, by whatever name it was told. Undefined where we may not look. */
function worksIn(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}
