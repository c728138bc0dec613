import { FlagError } from '../flag/error.ts'
import { newTiming, Tally, type Timing } from '../telemetry/tally.ts'

/** Calls of a store by what they do and how they ended: "ok", the code of a refusal, or "failed". */
export type Calls = Tally<readonly ['call', 'code'], Timing>
export const newCalls = (): Calls => new Tally(['call', 'code'], newTiming)

/** Does `work`, and notes under `call` how long it took and how it ended. */
export async function timed<T>(calls: Calls, call: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const end = (code: string) => calls.of(call, code).add((performance.now() - start) / 1_000)
  try {
    const result = await work()
    end('ok')
    return result
  } catch (error) {
    end(error instanceof FlagError ? error.code : 'failed')
    throw error
  }
}
