import { create, type DescMessage, type JsonObject, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf'
import type { RecordEvaluation } from '../../cache/evaluation-recorder.ts'
import { reflect, selects } from '../../cache/selector.ts'
import type { Snapshot } from '../../cache/snapshots.ts'
import type { Context, Metadata } from '../../flag/definition.ts'
import { FlagError } from '../../flag/error.ts'
import {
  type Enrich,
  type Evaluation,
  evaluate,
  type Failure,
  type FlagType,
  fail,
  isFiniteContext,
  type Success,
  typeOf,
} from '../../flag/evaluate.ts'
import type { Span } from '../../telemetry/span.ts'
import * as v1 from '../gen/flagd/evaluation/v1/evaluation_pb.js'
import * as v2 from '../gen/flagd/evaluation/v2/evaluation_pb.js'
import * as legacy from '../gen/schema/v1/schema_pb.js'
import {
  type Authorize,
  type CallContext,
  type CallScope,
  type MethodEntry,
  methodsOf,
  RpcError,
  type ServiceHandlers,
  StatusCode,
  sharedMessage,
} from '../service.ts'
import { eventStream, type FlagEventDependencies } from './event-stream.ts'

export type ResolveDependencies = {
  readonly authorize: Authorize
  /** A promise only for an environment that is not cached yet. Throws `not_found` or `unavailable`. */
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  readonly enrich: Enrich
  readonly count: RecordEvaluation
  /** Milliseconds since 1970. */
  readonly now: () => number
}
type ResolveType = FlagType | 'integer'
/** A call after authorization, with all that an evaluation needs. */
type ResolveRequest = CallScope & {
  readonly snapshot: Snapshot
  readonly context: Context
  /** Unix seconds. */
  readonly now: number
  readonly span: Span | undefined
}

/** `flagd.evaluation.v1` and `v2`, and v1 under its old name `schema.v1`. */
export function evaluationMethods(dependencies: ResolveDependencies & FlagEventDependencies): MethodEntry[] {
  const resolve1 = <O extends DescMessage>(type: ResolveType, response: O) =>
    resolveHandler(dependencies, { version: 'v1', type, response })
  const resolve2 = <O extends DescMessage>(type: ResolveType, response: O) =>
    resolveHandler(dependencies, { version: 'v2', type, response })
  const first: ServiceHandlers<typeof v1.Service> = {
    resolveAll: resolveAll(dependencies),
    resolveBoolean: resolve1('boolean', v1.ResolveBooleanResponseSchema),
    resolveString: resolve1('string', v1.ResolveStringResponseSchema),
    resolveFloat: resolve1('number', v1.ResolveFloatResponseSchema),
    resolveInt: resolve1('integer', v1.ResolveIntResponseSchema),
    resolveObject: resolve1('object', v1.ResolveObjectResponseSchema),
    eventStream: eventStream(dependencies, v1.EventStreamResponseSchema),
  }
  const second: ServiceHandlers<typeof v2.Service> = {
    resolveBoolean: resolve2('boolean', v2.ResolveBooleanResponseSchema),
    resolveString: resolve2('string', v2.ResolveStringResponseSchema),
    resolveFloat: resolve2('number', v2.ResolveFloatResponseSchema),
    resolveInt: resolve2('integer', v2.ResolveIntResponseSchema),
    resolveObject: resolve2('object', v2.ResolveObjectResponseSchema),
    eventStream: eventStream(dependencies, v2.EventStreamResponseSchema),
  }
  return [...methodsOf(v1.Service, first), ...methodsOf(v2.Service, second), ...methodsOf(legacy.Service, first)]
}

/** Authorizes a call and finds its snapshot. Synchronous once key and environment are cached. */
function prepareRequest(
  { authorize, current, enrich, now }: ResolveDependencies,
  call: CallContext,
  context: JsonObject | undefined,
): ResolveRequest | Promise<ResolveRequest> {
  const requestFor = ({ flagSetId, selector }: CallScope, snapshot: Snapshot): ResolveRequest => ({
    flagSetId,
    selector,
    snapshot,
    context: enrich(context ?? {}),
    now: Math.floor(now() / 1_000),
    span: call.span,
  })
  const find = (scope: CallScope): ResolveRequest | Promise<ResolveRequest> => {
    if (context !== undefined && !isFiniteContext(context))
      throw new FlagError('invalid', 'Cannot read the context: a number in it is NaN or beyond a double')
    const snapshot = current(scope.flagSetId)
    return snapshot instanceof Promise
      ? snapshot.then((loaded) => requestFor(scope, loaded))
      : requestFor(scope, snapshot)
  }
  const scope = authorize(call, 'client')
  return scope instanceof Promise ? scope.then(find) : find(scope)
}

/** Errors of an evaluation, in flagd's words. They never quote the rule: keys may be public. */
const ERRORS: Record<Failure['errorCode'], RpcError> = {
  FLAG_NOT_FOUND: new RpcError(StatusCode.notFound, 'Flag not found'),
  TYPE_MISMATCH: new RpcError(StatusCode.invalidArgument, 'Type mismatch error'),
  PARSE_ERROR: new RpcError(StatusCode.dataLoss, 'Error parsing input or configuration'),
  GENERAL: new RpcError(StatusCode.unknown, 'General error'),
}
/** The value of a disabled flag in v1, whose fields are never absent. */
const ZERO_VALUES: Record<ResolveType, unknown> = { boolean: false, string: '', number: 0, integer: 0n, object: {} }
/** Every number below fits an int64. */
const INT64_LIMIT = 2 ** 63

/**
 * The handler for flags of one type in one version of the protocol. For an evaluation without a value v2 omits value and variant; v1 responds
 * with the zero value for a disabled flag and with NOT_FOUND for a flag without a default.
 */
function resolveHandler<O extends DescMessage>(
  dependencies: ResolveDependencies,
  { version, type, response }: { readonly version: 'v1' | 'v2'; readonly type: ResolveType; readonly response: O },
) {
  const fieldsOf = (success: Success, metadata: Metadata): MessageInitShape<O> => {
    const typed = typedValueOf(success, type)
    const isAbsent = typed === undefined && version === 'v1'
    if (isAbsent && success.reason !== 'DISABLED') throw ERRORS.FLAG_NOT_FOUND
    const { reason, variant } = success
    return { value: isAbsent ? ZERO_VALUES[type] : typed, reason, variant, metadata } as unknown as MessageInitShape<O>
  }
  // A success is one object for each variant of a flag, so its message can be shared.
  const messages = new WeakMap<Success, MessageShape<O>>()
  const sharedMessageOf = (success: Success): MessageShape<O> => {
    const cached = messages.get(success)
    if (cached !== undefined) return cached
    const message = sharedMessage(response, fieldsOf(success, success.metadata))
    messages.set(success, message)
    return message
  }
  const respond = (key: string, request: ResolveRequest): MessageShape<O> => {
    const evaluation = evaluateFlag(dependencies.count, key, request, type)
    if (evaluation.reason === 'ERROR') throw ERRORS[evaluation.errorCode]
    if (request.selector === undefined) return sharedMessageOf(evaluation)
    return create(response, fieldsOf(evaluation, { ...reflect(request.selector), ...evaluation.metadata }))
  }
  return (
    { flagKey, context }: { readonly flagKey: string; readonly context?: JsonObject | undefined },
    call: CallContext,
  ): MessageShape<O> | Promise<MessageShape<O>> => {
    const request = prepareRequest(dependencies, call, context)
    return request instanceof Promise ? request.then((ready) => respond(flagKey, ready)) : respond(flagKey, request)
  }
}

/** Evaluates and counts one flag. A flag outside of the selector does not exist for the caller. */
function evaluateFlag(count: RecordEvaluation, key: string, request: ResolveRequest, type: ResolveType): Evaluation {
  const { snapshot, selector, context, now } = request
  const flag = snapshot.flagSet.flags.get(key)
  const isVisible = flag !== undefined && selects(selector, snapshot.flagSetId, flag.metadata)
  const evaluation = isVisible
    ? evaluate(flag, context, now, type)
    : fail({ key, metadata: {} }, 'FLAG_NOT_FOUND', 'Flag not found')
  count(evaluation, request)
  return evaluation
}

/** The value as protobuf-es represents it: an int64 is a bigint. */
function typedValueOf({ value }: Success, type: ResolveType): unknown {
  if (type !== 'integer' || typeof value !== 'number') return value
  if (Math.abs(value) >= INT64_LIMIT) throw ERRORS.TYPE_MISMATCH
  return BigInt(value)
}

/** Evaluates every flag that the selector matches (v1 only). flagd's web provider calls it. */
const resolveAll =
  (dependencies: ResolveDependencies): ServiceHandlers<typeof v1.Service>['resolveAll'] =>
  async (message, call) => {
    const request = await prepareRequest(dependencies, call, message.context)
    const { snapshot, selector, context, now } = request
    const flags: Record<string, v1.AnyFlag> = Object.create(null)
    for (const flag of snapshot.flagSet.flags.values()) {
      if (!selects(selector, snapshot.flagSetId, flag.metadata)) continue
      const evaluation = evaluate(flag, context, now)
      dependencies.count(evaluation, request)
      const anyFlag = anyFlagOf(evaluation, flag.type, request)
      if (anyFlag) flags[flag.key] = anyFlag
    }
    return create(v1.ResolveAllResponseSchema, { flags, metadata: reflect(selector) })
  }

/** As in flagd: no entry without a value or for a list, which the message cannot hold; the zero value after an error or when disabled. */
function anyFlagOf(
  evaluation: Evaluation,
  type: FlagType | undefined,
  request: ResolveRequest,
): v1.AnyFlag | undefined {
  const { reason } = evaluation
  const isZero = reason === 'ERROR' || reason === 'DISABLED'
  const value = anyValueOf(isZero ? ZERO_VALUES[type ?? 'boolean'] : evaluation.value)
  const variant = isZero ? '' : (evaluation.variant ?? '')
  const metadata = { ...reflect(request.selector), ...evaluation.metadata }
  return value && create(v1.AnyFlagSchema, { reason, variant, value, metadata })
}

function anyValueOf(value: unknown): v1.AnyFlag['value'] | undefined {
  if (typeof value === 'boolean') return { case: 'boolValue', value }
  if (typeof value === 'string') return { case: 'stringValue', value }
  if (typeof value === 'number') return { case: 'doubleValue', value }
  return typeOf(value) === 'object' ? { case: 'objectValue', value: value as JsonObject } : undefined
}
