import { kill, runProgram } from '../../support/process.ts'
import { eventsOf, type NextEvent } from '../../support/program-events.ts'
import { missingOf } from '../build.ts'
import type { ClusterEvent, ClusterOptions } from './cluster.ts'
import { networkMissing } from './network.ts'

/** Why this machine cannot run Knative's programs; undefined if it can. */
export const MISSING = networkMissing() ?? missingOf(['kube-apiserver', 'kubectl', 'serving'])
if (MISSING) process.stderr.write(`LEFT OUT: Knative's own programs: ${MISSING}\n`)

/** Longer than the drain of a queue-proxy, which takes 30 s. */
const EVENT_MS = 100_000
const CLOSE_MS = 20_000

export type Cluster = {
  readonly next: NextEvent<ClusterEvent>
  /** An address of 127.0.0.1 for each service. */
  readonly addresses: Readonly<Record<string, string>>
  readonly kubeconfig: string
  close(): Promise<void>
}

/** Starts Knative and deploys the services, each with one pod. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const program = runProgram('test/kubernetes/knative/cluster.ts', environment(), {
    runtime: 'node',
    args: [JSON.stringify(options)],
  })
  const close = async () => {
    program.child.kill('SIGTERM')
    const late = setTimeout(() => void kill(program), CLOSE_MS)
    await program.ended
    clearTimeout(late)
  }
  const next = eventsOf<ClusterEvent>(program, EVENT_MS)
  try {
    const { addresses, kubeconfig } = await next('listening')
    return { next, addresses, kubeconfig, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Where the programs were built. */
const environment = (): Record<string, string> =>
  Object.fromEntries(
    ['HOME', 'XDG_CACHE_HOME'].flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
