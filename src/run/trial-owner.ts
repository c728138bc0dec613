import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Claims a folder for this process and returns how to let go of it. Only one process may use a trial database: the one that
 * ends first would stop it under the other. A claim whose process is gone, as after a kill -9, counts no more.
 */
export function claim(folder: string): () => void {
  const path = join(folder, 'owner')
  const draft = `${path}.${process.pid}`
  try {
    writeFileSync(draft, `${process.pid} ${startOf(process.pid) ?? ''}\n`)
    dropDeadClaim(path, draft)
    linkSync(draft, path) // fails when another process was faster: unlike a write, it never replaces
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (code === 'EEXIST')
      throw new Error(
        `Cannot start: another Flagstaff uses the folder ${folder}; stop it or set FLAGSTAFF_TRIAL_DIR to another`,
      )
    if (code === '') throw cause
    throw new Error(`Cannot start: the folder ${folder} cannot be used (${code}); set FLAGSTAFF_TRIAL_DIR to another`, {
      cause,
    })
  } finally {
    rmSync(draft, { force: true })
  }
  return () => rmSync(path, { force: true })
}

/** Moves a dead claim away: of several that try, one moves it. */
function dropDeadClaim(path: string, draft: string): void {
  const [pid, start] = read(path)?.trim().split(' ') ?? []
  if (pid === undefined || (isAlive(Number(pid)) && (start ?? '') === (startOf(Number(pid)) ?? ''))) return
  renameSync(path, `${draft}.dead`)
  rmSync(`${draft}.dead`, { force: true })
}

/** True when a process of this id exists, ours or another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** When a process began, in the kernel's ticks: tells it from a later one that got its id. Undefined where /proc is not. */
function startOf(pid: number): string | undefined {
  return read(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')[19]
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
