import { type CompiledFlag, compileFlag } from '../compile.ts'
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
  readonly readsClock: boolean
}

/** Evaluates a flag for `context` at `now` (unix seconds) as `evaluate()` does, and records each node. */
export function trace(flag: ExplainableFlag, context: Context, now: number): Trace {
  const values = new Map<object, unknown>()
  const record =
    (node: object, expression: Expression): Expression =>
    (data, frame) => {
      const value = expression(data, frame)
      values.set(node, value)
      return value
    }
  const compiled = compileWith(flag, record)
  const evaluation = evaluate(compiled, context, now)
  return { evaluation, values, readsClock: compiled.plan.readsClock }
}

/** Evaluates the same flag again and again, each time with another value for one node. */
export function experiment(
  flag: ExplainableFlag,
  context: Context,
  now: number,
): (node: object, value: unknown) => Evaluation {
  let replaced: { readonly node: object; readonly value: unknown } | undefined
  const compiled = compileWith(
    flag,
    (node, expression) => (data, frame) => (replaced?.node === node ? replaced.value : expression(data, frame)),
  )
  return (node, value) => {
    replaced = { node, value }
    return evaluate(compiled, context, now)
  }
}

/** Compiles a flag and the segments that it reaches. */
export function compileWith(
  { key, definition, segments, metadata, bucketing }: ExplainableFlag,
  instrument?: Instrument,
): CompiledFlag {
  const { compiled } = compileSegments(reachedFrom(definition?.targeting, segments), bucketing, instrument)
  return compileFlag(key, definition, { segments: compiled, metadata, bucketing, instrument })
}
