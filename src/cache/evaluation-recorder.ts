import type { Context } from '../flag/definition.ts'
import type { Evaluation, Success } from '../flag/evaluate.ts'
import { attributesOf, contextIdOf, EVALUATION_EVENT, type EvaluationEvents } from '../telemetry/evaluation-events.ts'
import type { EvaluationCounts } from '../telemetry/metrics.ts'
import type { Span } from '../telemetry/span.ts'
import type { Snapshot } from './snapshots.ts'
import type { Usage } from './usage.ts'

/** The circumstances of an evaluation. */
export type Asked = {
  readonly snapshot: Pick<Snapshot, 'id' | 'flagSetId' | 'revision'>
  readonly context: Context
  /** Unix seconds. */
  readonly now: number
  /** The span of the request, where it is kept. */
  readonly span?: Span | undefined
}
/** Records one evaluation of any protocol. */
export type Count = (evaluation: Evaluation, asked: Asked) => void
/** The circumstances of a repeated bulk evaluation; its context is read only where it is recorded. */
export type AskedAgain = Omit<Asked, 'context'> & { readonly context: () => Context }
/** Records the evaluations of one repeated bulk request, whose list is the one of an earlier request. */
export type CountAll = (evaluations: readonly Success[], asked: AskedAgain) => void

/** Records each evaluation for the metrics and the usage, in the span of its request, and as an event for the collector. */
export function counting(to: {
  readonly evaluations: EvaluationCounts
  readonly usage: Usage
  /** Undefined where no evaluation events are sent. */
  readonly events?: EvaluationEvents | undefined
}): { readonly count: Count; readonly countAll: CountAll } {
  const { evaluations, usage, events } = to
  const count: Count = (evaluation, asked) => {
    const { snapshot, now, span } = asked
    evaluations.count(snapshot.flagSetId, evaluation)
    usage.count(snapshot.id, evaluation, now)
    if (span) span.addEvent(EVALUATION_EVENT, attributesOf(resultOf(evaluation, asked)))
    events?.record(() => ({ ...resultOf(evaluation, asked), at: Date.now(), trace: span }))
  }
  const countAll: CountAll = (list, asked) => {
    const { snapshot, now, span } = asked
    if (span || events) {
      const each = { snapshot, context: asked.context(), now, span }
      for (const evaluation of list) count(evaluation, each)
      return
    }
    evaluations.countAll(snapshot.flagSetId, list)
    usage.countAll(snapshot.id, list, now)
  }
  return { count, countAll }
}

function resultOf(evaluation: Evaluation, { snapshot: { flagSetId, revision }, context }: Asked) {
  return { evaluation, flagSetId, revision, contextId: contextIdOf(context) }
}
