import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync, realpathSync } from 'node:fs'

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
export function startOf(pid: number): string | undefined {
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
