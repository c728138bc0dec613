import { Labeled, newCounter, newHistogram } from './counters.ts'
import { EvaluationCounts } from './evaluation-counts.ts'
import { RequestDurations } from './request-durations.ts'

/** The counters and histograms that the parts of a replica record into. `registry.ts` reads them at each scrape. */
export type Metrics = ReturnType<typeof newMetrics>

export const newMetrics = () => ({
  http: new RequestDurations(),
  /** By method, `<package>.<service>/<method>`, and the name of the status. Both are closed sets. */
  rpc: new Labeled(['method', 'code'], newHistogram),
  /** Requests and calls that were refused by a bound. */
  shed: { concurrency: newCounter(), delay: newCounter() },
  evaluations: new EvaluationCounts(),
  damagedCopies: newCounter(),
  hints: newCounter(),
})
