import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A control group with a limit of processor time. */
export type Quota = {
  /** The prefix of a command that runs it in the group. */
  readonly prefix: readonly string[]
  close(): void
}

const ROOT = '/sys/fs/cgroup'
const PERIOD_US = 100_000

/**
 * Creates a control group with a share of one processor, as platforms do for small containers; undefined if this machine does not allow
 * it (https://docs.kernel.org/scheduler/sched-bwc.html, https://docs.kernel.org/admin-guide/cgroup-v2.html).
 */
export function processorQuota(share: number): Quota | undefined {
  const quotaUs = String(PERIOD_US * share)
  const isSecond = existsSync(join(ROOT, 'cgroup.controllers'))
  const group = join(ROOT, isSecond ? '' : 'cpu', `flagstaff-bench-${process.pid}`)
  try {
    if (isSecond && !readFileSync(join(ROOT, 'cgroup.subtree_control'), 'utf8').includes('cpu')) return undefined
    mkdirSync(group)
    if (isSecond) writeFileSync(join(group, 'cpu.max'), `${quotaUs} ${PERIOD_US}`)
    else {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US))
      writeFileSync(join(group, 'cpu.cfs_quota_us'), quotaUs)
    }
  } catch {
    return undefined
  }
  return {
    prefix: ['sh', '-c', 'echo $$ > "$0/cgroup.procs"; exec "$@"', group],
    close: () => rmdirSync(group),
  }
}
