import { kill, type Program, type Runtime, runProgram } from '../test/support/process.ts'
import { HAS_REDIS } from '../test/support/redis.ts'
import { openStore } from '../test/support/store.ts'
import { manyFlags } from './http-cases.ts'
import type { LargeSet } from './large-set.ts'
import { pinned } from './processor.ts'
import { ADMIN_KEY, addEnvironment, startSubject } from './subject.ts'

/** Resident memory by number of flags or environments, in MiB after a garbage collection. */
export type Memory = { readonly runtime: Runtime; readonly what: string; readonly mib: number }
export type Scale = {
  readonly memory: readonly Memory[]
  readonly large: (LargeSet & { runtime: Runtime }) | undefined
}

const SIZES = [10, 1_000, 10_000]
const ENVIRONMENTS = 100

/** Measures the memory of a service with a growing number of flags, and the cost of one change of a large set. */
export async function scaleOf(runtime: Runtime): Promise<Scale> {
  return { memory: await memoryOf(runtime), large: HAS_REDIS ? await largeSetOf(runtime) : undefined }
}

async function memoryOf(runtime: Runtime): Promise<Memory[]> {
  const store = await openStore()
  const { running, send } = await startSubject(runtime, { DATABASE_URL: store.url }, 'bench/memory-probe.ts')
  const evaluateAll = (environment: string) =>
    fetch(`${running.address}/ofrep/v1/evaluate/flags`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'flagd-selector': `flagSetId=bench/${environment}` },
      body: '{}',
    }).then((answer) => answer.arrayBuffer())
  const memory: Memory[] = []
  const measure = async (what: string) => {
    memory.push({ runtime, what, mib: await residentMib(running, memory.length + 1) })
  }
  try {
    for (const size of SIZES) {
      await send('PUT', '/projects/bench/environments/e/flagset', { flags: manyFlags(size) })
      await evaluateAll('e')
      await measure(`${size} flags`)
    }
    for (let place = 1; place < ENVIRONMENTS; place++) {
      await addEnvironment(send, `m${place}`, manyFlags(10))
      await evaluateAll(`m${place}`)
    }
    await measure(`the same, ${ENVIRONMENTS} environments in all`)
    return memory
  } finally {
    await kill(running)
    await store.close()
  }
}

async function residentMib(program: Program, turn: number): Promise<number> {
  program.child.kill('SIGUSR2')
  const [, bytes] = await program.says(new RegExp(`resident ${turn}: (\\d+) bytes`))
  return Number(bytes) / 2 ** 20
}

async function largeSetOf(runtime: Runtime): Promise<LargeSet & { runtime: Runtime }> {
  const program = runProgram('bench/large-set.ts', {}, { runtime, prefix: pinned(1) })
  const [text] = await program.says(/\{.*\}/)
  await program.ended
  return { runtime, ...(JSON.parse(text) as LargeSet) }
}
