import { availableParallelism, cpus, totalmem } from 'node:os'
import { arch, platform, versions } from 'node:process'

/** The machine on which a figure was measured. */
export type Machine = {
  readonly runtime: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly platform: string
}

/** Describes this machine and runtime. */
export function describeMachine(): Machine {
  const { bun, node } = versions
  return {
    runtime: bun === undefined ? `Node ${node}` : `Bun ${bun}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${platform} ${arch}`,
  }
}
