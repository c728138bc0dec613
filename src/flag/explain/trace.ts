import { compileFlag } from '../compile.ts'
import type { Bucketing, Context, Definition, Metadata, SegmentRules } from '../definition.ts'
import { type Evaluation, evaluate } from '../evaluate.ts'
import type { Expression } from '../rules/expression.ts'
import type { Instrument } from '../rules/rule.ts'
import { compileSegments, reachedFrom } from '../rules/segments.ts'

/** A flag with what it inherits from its environment; the definition may be an unsaved draft. */
export type ExplainableFlag = {
  readonly key: string
  readonly definition: Definition
  readonly segments: SegmentRules
  readonly metadata: Metadata
  readonly bucketing: Bucketing
}

/** One evaluation and the values of the nodes that it reached. Constants are not recorded. */
export type Trace = {
  readonly evaluation: Evaluation
  /** By node of the rule or of a segment; in a loop, the value of the last round. */
  readonly values: ReadonlyMap<object, unknown>
  /** The innermost node at which the evaluation failed. */
  readonly failedAt: object | undefined
  readonly readsClock: boolean
}

/** Evaluates a flag for `context` at `now` (unix seconds) as `evaluate()` does, and records each node. */
export function trace(flag: ExplainableFlag, context: Context, now: number): Trace {
  const values = new Map<object, unknown>()
  let failedAt: object | undefined
  const record =
    (node: object, expression: Expression): Expression =>
    (data, frame) => {
      try {
        const value = expression(data, frame)
        values.set(node, value)
        return value
      } catch (error) {
        failedAt ??= node
        throw error
      }
    }
  const { evaluation, readsClock } = run(flag, record, context, now)
  return { evaluation, values, failedAt, readsClock }
}

/** The result if `node` had `value`. Both the node and the flag are those of a trace. */
export function evaluateWith(
  flag: ExplainableFlag,
  { node, value }: { readonly node: object; readonly value: unknown },
  context: Context,
  now: number,
): Evaluation {
  const replace: Instrument = (each, expression) => (each === node ? () => value : expression)
  return run(flag, replace, context, now).evaluation
}

function run(
  { key, definition, segments, metadata, bucketing }: ExplainableFlag,
  instrument: Instrument,
  context: Context,
  now: number,
): { readonly evaluation: Evaluation; readonly readsClock: boolean } {
  const { compiled } = compileSegments(reachedFrom(definition?.targeting, segments), bucketing, instrument)
  const flag = compileFlag(key, definition, { segments: compiled, metadata, bucketing, instrument })
  return { evaluation: evaluate(flag, context, now), readsClock: flag.plan.readsClock }
}
