import type { Context } from '../flag/definition.ts'
import type { Evaluation, Success } from '../flag/evaluate.ts'
import { attributesOf, contextIdOf, EVALUATION_EVENT, type EvaluationEvents } from '../telemetry/evaluation-events.ts'
import type { EvaluationCounts } from '../telemetry/metrics.ts'
import type { Span } from '../telemetry/span.ts'
import type { Snapshot } from './snapshots.ts'
import type { Usage } from './usage.ts'

/** The circumstances of an evaluation. */
export type EvaluationScope = {
  readonly snapshot: Pick<Snapshot, 'id' | 'flagSetId' | 'revision'>
  readonly context: Context
  /** Unix seconds. */
  readonly now: number
  /** The span of the request, where it is kept. */
  readonly span?: Span | undefined
}
/** Records one evaluation of any protocol. */
export type RecordEvaluation = (evaluation: Evaluation, asked: EvaluationScope) => void
/** The circumstances of a repeated bulk evaluation; its context is read only where it is recorded. */
export type RepeatedScope = Omit<EvaluationScope, 'context'> & { readonly context: () => Context }
/** Records the evaluations of one repeated bulk request, whose list is the one of an earlier request. */
export type RecordEvaluations = (evaluations: readonly Success[], asked: RepeatedScope) => void

/** Records each evaluation for the metrics and the usage, in the span of its request, and as an event for the collector. */
export function evaluationRecorder(to: {
  readonly evaluations: EvaluationCounts
  readonly usage: Usage
  /** Undefined where no evaluation events are sent. */
  readonly events?: EvaluationEvents | undefined
}): { readonly count: RecordEvaluation; readonly countAll: RecordEvaluations } {
  const { evaluations, usage, events } = to
  const count: RecordEvaluation = (evaluation, asked) => {
    const { snapshot, now, span } = asked
    evaluations.count(snapshot.flagSetId, evaluation)
    usage.count(snapshot.id, evaluation, now)
    if (span) span.addEvent(EVALUATION_EVENT, attributesOf(resultOf(evaluation, asked)))
    events?.record(() => ({ ...resultOf(evaluation, asked), at: Date.now(), trace: span }))
  }
  const countAll: RecordEvaluations = (list, asked) => {
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

function resultOf(evaluation: Evaluation, { snapshot: { flagSetId, revision }, context }: EvaluationScope) {
  return { evaluation, flagSetId, revision, contextId: contextIdOf(context) }
}
