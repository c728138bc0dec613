import { Evaluations } from '../snapshot/evaluations.ts'
import { Calls } from '../store/calls.ts'
import { newCounter, newTiming, Tally } from '../telemetry/tally.ts'
import type { Tracer } from '../telemetry/tracer.ts'
import { Requests } from './requests.ts'

/** What the parts of a replica count in; each is given its own. */
export type Counts = ReturnType<typeof newCounts>

export function newCounts(tracer?: Tracer) {
  return {
    requests: new Requests(),
    /** For the doors of `rpc/`: by method, `<package>.<service>/<method>`, and the name of the status. Both are closed sets. */
    rpc: new Tally(['method', 'code'], newTiming),
    /** Refused because there was too much to do, by the bound that was reached. */
    shed: { concurrency: newCounter(), delay: newCounter() },
    evaluations: new Evaluations(),
    postgres: new Calls('postgresql', tracer),
    redis: new Calls('redis', tracer),
    damagedCopies: newCounter(),
    hints: newCounter(),
  }
}
