import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100
const hasTaskset = !spawnSync('taskset', ['--version']).error

/** The prefix of a command that pins it to one core: servers on one, clients on the other. */
export const pinned = (core: 0 | 1): string[] => (hasTaskset ? ['taskset', '-c', String(core)] : [])

/** Pins this process, the client of the measured servers, to a core. */
export function pinnedMyself(core: 0 | 1): void {
  if (hasTaskset) spawnSync('taskset', ['-a', '-cp', String(core), String(process.pid)])
}

/** User and system time of a process so far: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
export function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** The median; NaN of an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Throws if a program that the measurement needs is missing. */
export function needs(program: string, debianPackage: string): void {
  if (!spawnSync(program, ['--version']).error) return
  console.error(`Cannot measure: ${program} is missing (Debian: ${debianPackage})`)
  process.exit(1)
}
