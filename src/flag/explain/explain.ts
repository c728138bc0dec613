import type { Context } from '../definition.ts'
import { shorten } from '../error.ts'
import type { Evaluation } from '../evaluate.ts'
import { isScalar, operatorCallOf, truthy } from '../rules/expression.ts'
import { reachedFrom } from '../rules/segments.ts'
import { type Chain, ChainReader, type ExplainedResult, type ExplainedRule } from './chain.ts'
import { attributesRead, type ExplainedNode, NOT_REACHED, NodeReader, segmentsOf } from './nodes.ts'
import { bucketOf } from './split.ts'
import { type ExplainableFlag, experiment, type Trace, trace } from './trace.ts'

/** Nodes in one explanation at most; a rule has up to 10,000. */
const NODES_MAX = 2_000
/** Clauses that are tried at most. */
const CHANGES_MAX = 50

export type Decision = {
  readonly kind: 'rule' | 'otherwise' | 'default_variant' | 'code_default' | 'disabled' | 'held' | 'error'
  readonly rule?: number
  readonly pointer?: string
}

/** A single clause whose opposite would change the result. */
export type PossibleChange = { readonly pointer: string; readonly variant: string | undefined }

export type Explanation = {
  readonly key: string
  readonly evaluation: Evaluation
  readonly decidedBy: Decision
  /** One English sentence. */
  readonly summary: string
  readonly rules: readonly ExplainedRule[]
  readonly otherwise: ExplainedResult | undefined
  readonly segments: Readonly<Record<string, { readonly pointer: string; readonly value: unknown }>>
  /** Attributes that the evaluation read, and those that the context does not have. */
  readonly used: readonly string[]
  readonly missing: readonly string[]
  readonly readsClock: boolean
  readonly truncated: boolean
}

/** Explains the result that `evaluate()` gives for the same flag, context and time (unix seconds). */
export function explain(flag: ExplainableFlag, context: Context, now: number): Explanation {
  const traced = trace(flag, context, now)
  const reader = new NodeReader(traced, NODES_MAX)
  const view = new ChainReader(flag, reader, (node) =>
    bucketOf(node, { flagKey: flag.key, context, bucketing: flag.bucketing, now }),
  )
  const { rules, otherwise } = view.read()
  const decidedBy = decisionOf(flag, traced, { rules, otherwise })
  return {
    key: flag.key,
    evaluation: traced.evaluation,
    decidedBy,
    summary: summaryOf(traced.evaluation, decidedBy, { rules, otherwise }),
    rules,
    otherwise,
    segments: segmentsOf(reachedFrom(flag.definition?.targeting, flag.segments), reader),
    ...attributesRead(traced),
    readsClock: traced.readsClock,
    truncated: reader.isTruncated,
  }
}

function decisionOf({ definition }: ExplainableFlag, { evaluation }: Trace, { rules, otherwise }: Chain): Decision {
  if (evaluation.reason === 'ERROR') {
    const failed = rules.find(({ outcome }) => outcome === 'error')
    return failed ? { kind: 'error', rule: failed.rule, pointer: failed.pointer } : { kind: 'error' }
  }
  if (evaluation.reason === 'DISABLED') return { kind: 'disabled' }
  if (evaluation.reason !== 'TARGETING_MATCH')
    return { kind: evaluation.variant === undefined ? 'code_default' : 'default_variant' }
  const match = rules.find(({ outcome }) => outcome === 'match')
  if (!match) return { kind: 'otherwise', ...(otherwise && { pointer: otherwise.pointer }) }
  const targeting = operatorCallOf(definition.targeting)
  const isHeld = match.rule === 0 && targeting?.operands[0] === true
  return { kind: isHeld ? 'held' : 'rule', rule: match.rule, pointer: match.result.pointer }
}

function summaryOf(evaluation: Evaluation, decidedBy: Decision, chain: Chain): string {
  if (evaluation.reason === 'ERROR') return `The evaluation fails: ${evaluation.errorDetails}`
  const { variant } = evaluation
  const name = shorten(variant)
  switch (decidedBy.kind) {
    case 'disabled':
      return 'The flag is disabled: applications use the default in their code'
    case 'held':
      return `The flag is held at ${name} for everyone`
    case 'default_variant':
      return chain.rules.length + (chain.otherwise ? 1 : 0) === 0
        ? `The flag has no rule, so everyone gets the default variant ${name}`
        : `No rule names a variant, so the default variant ${name} applies`
    case 'code_default':
      return 'No rule names a variant and there is no default variant: applications use the default in their code'
    default:
      return `${placeText(decidedBy)} gives ${name}${splitText(decidedBy, chain)}`
  }
}

const placeText = ({ kind, rule }: Decision): string =>
  kind === 'otherwise' ? 'No rule matches, and "otherwise"' : `Rule ${(rule ?? 0) + 1} matches and`

function splitText({ rule }: Decision, { rules, otherwise }: Chain): string {
  const result = rule === undefined ? otherwise : rules[rule]?.result
  if (result?.kind !== 'split' || result.bucket?.place === undefined) return ''
  const { by, place, of, shares, variant } = result.bucket
  const share = shares.find((each) => each.variant === variant && place >= each.from && place <= each.to)
  const range = share ? `, within ${share.from} to ${share.to}` : ''
  return `: ${by ?? 'the computed value'} falls on place ${place} of ${of}${range}`
}

/** Which single clauses would change the result if they had the opposite value. Evaluates the flag once for each clause. */
export function possibleChanges(
  flag: ExplainableFlag,
  { rules, evaluation }: Explanation,
  context: Context,
  now: number,
): PossibleChange[] {
  const clauses = rules.flatMap(({ condition }) => clausesIn(condition)).slice(0, CHANGES_MAX)
  const evaluateWith = experiment(flag, context, now)
  const changes: PossibleChange[] = []
  for (const { pointer, value } of clauses) {
    const node = nodeAt(flag.definition, pointer)
    if (isScalar(node)) continue
    const variant = variantOf(evaluateWith(node as object, !truthy(value)))
    if (variant !== variantOf(evaluation)) changes.push({ pointer, variant })
  }
  return changes
}

const variantOf = (evaluation: Evaluation): string | undefined =>
  evaluation.reason === 'ERROR' ? undefined : evaluation.variant

function clausesIn(node: ExplainedNode): ExplainedNode[] {
  if (node.value === NOT_REACHED) return []
  if (node.kind === 'clause' || node.kind === 'segment') return [node]
  return 'parts' in node && node.kind !== 'advanced' ? node.parts.flatMap(clausesIn) : []
}

/** The value at a JSON pointer that was built from the same document. */
function nodeAt(document: unknown, pointer: string): unknown {
  let value = document
  for (const step of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Readonly<Record<string, unknown>>)[step.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return value
}
