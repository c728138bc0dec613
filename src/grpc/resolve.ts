import { create, type DescMessage, type JsonObject, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf'
import { reflect, selects } from '../cache/selector.ts'
import type { Metadata } from '../flag/definition.ts'
import { type Evaluation, evaluate, type Failure, type FlagType, fail, type Success } from '../flag/evaluate.ts'
import { ask, type EvaluationDependencies, type Question } from './evaluation-request.ts'
import { type Call, sharedMessage } from './service.ts'
import { RpcError, Status } from './status.ts'

export type Type = FlagType | 'integer'
type ResolveRequest = { readonly flagKey: string; readonly context?: JsonObject | undefined }

/** Why a flag has no answer, in flagd's words. They never quote the rule: a public key may ask for values only. */
const FAILURE: Record<Failure['errorCode'], RpcError> = {
  FLAG_NOT_FOUND: new RpcError(Status.notFound, 'Flag not found'),
  TYPE_MISMATCH: new RpcError(Status.invalidArgument, 'Type mismatch error'),
  PARSE_ERROR: new RpcError(Status.dataLoss, 'Error parsing input or configuration'),
  GENERAL: new RpcError(Status.unknown, 'General error'),
}
/** What v1, whose fields are never absent, says of a disabled flag. */
const ZERO: Record<Type, unknown> = { boolean: false, string: '', number: 0, integer: 0n, object: {} }
/** Every number below fits an int64. */
const INT64_LIMIT = 2 ** 63

/**
 * The method that resolves flags of one type in one version of the protocol. The versions differ in how an answer without a value
 * is told: v2 leaves out value and variant; v1 has zero values for a disabled flag, and knows no flag without a default.
 */
export function resolver<O extends DescMessage>(
  dependencies: EvaluationDependencies,
  { version, type, answer }: { readonly version: 'v1' | 'v2'; readonly type: Type; readonly answer: O },
) {
  const partsOf = (success: Success, metadata: Metadata): MessageInitShape<O> => {
    const given = typedValueOf(success, type)
    if (given === undefined && version === 'v1' && success.reason !== 'DISABLED') throw FAILURE.FLAG_NOT_FOUND
    const value = given === undefined && version === 'v1' ? ZERO[type] : given
    const { reason, variant } = success
    return { value, reason, variant, metadata } as unknown as MessageInitShape<O>
  }
  // A success is made once for each variant of a flag, and so is its message; frozen, so that it is also written only once.
  const messages = new WeakMap<Success, MessageShape<O>>()
  const sharedMessageOf = (success: Success): MessageShape<O> => {
    const known = messages.get(success)
    if (known !== undefined) return known
    const message = sharedMessage(answer, partsOf(success, success.metadata))
    messages.set(success, message)
    return message
  }
  const answerTo = (key: string, question: Question): MessageShape<O> => {
    const evaluation = resolve(dependencies, key, question, type)
    if (evaluation.reason === 'ERROR') throw FAILURE[evaluation.errorCode]
    if (question.selector === undefined) return sharedMessageOf(evaluation)
    return create(answer, partsOf(evaluation, { ...reflect(question.selector), ...evaluation.metadata }))
  }
  return ({ flagKey, context }: ResolveRequest, call: Call): MessageShape<O> | Promise<MessageShape<O>> => {
    const question = ask(dependencies, call, context)
    return question instanceof Promise
      ? question.then((asked) => answerTo(flagKey, asked))
      : answerTo(flagKey, question)
  }
}

/** Evaluates one flag and counts it. One that the selector keeps out does not exist. */
function resolve({ count }: EvaluationDependencies, key: string, question: Question, type: Type): Evaluation {
  const { snapshot, selector, context, now } = question
  const flag = snapshot.flagSet.flags.get(key)
  const isThere = flag !== undefined && selects(selector, snapshot.flagSetId, flag.metadata)
  const evaluation = isThere
    ? evaluate(flag, context, now, type)
    : fail({ key, metadata: {} }, 'FLAG_NOT_FOUND', 'Flag not found')
  count(evaluation, question)
  return evaluation
}

/** The value as its message has it: an int64 is a bigint. */
function typedValueOf({ value }: Success, type: Type): unknown {
  if (type !== 'integer' || typeof value !== 'number') return value
  if (Math.abs(value) >= INT64_LIMIT) throw FAILURE.TYPE_MISMATCH
  return BigInt(value)
}
