import { kill, type Program, type Runtime, runProgram } from '../test/support/process.ts'
import { HAS_REDIS } from '../test/support/redis.ts'
import { openStore } from '../test/support/store.ts'
import { manyFlags } from './http-cases.ts'
import type { LargeSet } from './large-set.ts'
import { pinned } from './processor.ts'
import { ADMIN_KEY, addEnvironment, startSubject } from './subject.ts'

/** Resident memory with so many flags or environments, in MiB after a collection. */
export type Weight = { readonly runtime: Runtime; readonly what: string; readonly mib: number }
export type Scale = {
  readonly weights: readonly Weight[]
  readonly large: (LargeSet & { runtime: Runtime }) | undefined
}

const SIZES = [10, 1_000, 10_000]
const ENVIRONMENTS = 100

/** Weighs a service as its flags become more, and measures a change of many. */
export async function scaleOf(runtime: Runtime): Promise<Scale> {
  return { weights: await weightsOf(runtime), large: HAS_REDIS ? await largeSetOf(runtime) : undefined }
}

async function weightsOf(runtime: Runtime): Promise<Weight[]> {
  const store = await openStore()
  const { running, send } = await startSubject(runtime, { DATABASE_URL: store.url }, 'bench/weighed.ts')
  const ask = (environment: string) =>
    fetch(`${running.address}/ofrep/v1/evaluate/flags`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'flagd-selector': `flagSetId=bench/${environment}` },
      body: '{}',
    }).then((answer) => answer.arrayBuffer())
  const weights: Weight[] = []
  const weigh = async (what: string) => {
    weights.push({ runtime, what, mib: await weightOf(running, weights.length + 1) })
  }
  try {
    for (const size of SIZES) {
      await send('PUT', '/projects/bench/environments/e/flagset', { flags: manyFlags(size) })
      await ask('e')
      await weigh(`${size} flags`)
    }
    for (let place = 1; place < ENVIRONMENTS; place++) {
      await addEnvironment(send, `m${place}`, manyFlags(10))
      await ask(`m${place}`)
    }
    await weigh(`the same, ${ENVIRONMENTS} environments in all`)
    return weights
  } finally {
    await kill(running)
    await store.close()
  }
}

async function weightOf(program: Program, turn: number): Promise<number> {
  program.child.kill('SIGUSR2')
  const [, bytes] = await program.says(new RegExp(`weighed ${turn}: (\\d+) bytes`))
  return Number(bytes) / 2 ** 20
}

async function largeSetOf(runtime: Runtime): Promise<LargeSet & { runtime: Runtime }> {
  const program = runProgram('bench/large-set.ts', {}, { runtime, prefix: pinned(1) })
  const [text] = await program.says(/\{.*\}/)
  await program.ended
  return { runtime, ...(JSON.parse(text) as LargeSet) }
}
