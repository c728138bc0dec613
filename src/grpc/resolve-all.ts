import { create, type JsonObject } from '@bufbuild/protobuf'
import { reflect, selects } from '../cache/selector.ts'
import { type Evaluation, evaluate, type FlagType, typeOf } from '../flag/evaluate.ts'
import { ask, type EvaluationDependencies, type Question } from './evaluation-request.ts'
import {
  type AnyFlag,
  AnyFlagSchema,
  type ResolveAllRequest,
  type ResolveAllResponse,
  ResolveAllResponseSchema,
} from './gen/flagd/evaluation/v1/evaluation_pb.js'
import type { Call } from './service.ts'

/** Evaluates every flag that the selector lets through, as flagd's web provider asks for them (v1 only). */
export async function resolveAll(
  dependencies: EvaluationDependencies,
  { context }: ResolveAllRequest,
  call: Call,
): Promise<ResolveAllResponse> {
  const question = await ask(dependencies, call, context)
  const { snapshot, selector, now } = question
  const flags: Record<string, AnyFlag> = Object.create(null)
  for (const flag of snapshot.flagSet.flags.values()) {
    if (!selects(selector, snapshot.flagSetId, flag.metadata)) continue
    const evaluation = evaluate(flag, question.context, now)
    dependencies.count(evaluation, question)
    const answer = anyFlagOf(evaluation, flag.type, question)
    if (answer) flags[flag.key] = answer
  }
  return create(ResolveAllResponseSchema, { flags, metadata: reflect(selector) })
}

/**
 * One flag of the answer. As in flagd one without a value is left out, and so is a list, which the message cannot hold; a disabled
 * or failed flag has the zero value of its type.
 */
function anyFlagOf(evaluation: Evaluation, type: FlagType | undefined, { selector }: Question): AnyFlag | undefined {
  const { reason } = evaluation
  const metadata = { ...reflect(selector), ...evaluation.metadata }
  if (reason === 'ERROR' || reason === 'DISABLED')
    return create(AnyFlagSchema, { reason, value: zeroOf(type), metadata })
  const value = anyValueOf(evaluation.value)
  return value && create(AnyFlagSchema, { reason, variant: evaluation.variant ?? '', value, metadata })
}

function anyValueOf(value: unknown): AnyFlag['value'] | undefined {
  if (typeof value === 'boolean') return { case: 'boolValue', value }
  if (typeof value === 'string') return { case: 'stringValue', value }
  if (typeof value === 'number') return { case: 'doubleValue', value }
  return typeOf(value) === 'object' ? { case: 'objectValue', value: value as JsonObject } : undefined
}

function zeroOf(type: FlagType | undefined): AnyFlag['value'] {
  if (type === 'string') return { case: 'stringValue', value: '' }
  if (type === 'number') return { case: 'doubleValue', value: 0 }
  if (type === 'object') return { case: 'objectValue', value: {} }
  return { case: 'boolValue', value: false }
}
