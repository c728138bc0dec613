import type { Context } from '../flag/definition.ts'
import type { Evaluation } from '../flag/evaluate.ts'
import { Pending } from './export-queue.ts'
import type { Attributes } from './span.ts'
import type { TraceContext } from './trace-context.ts'

/** One evaluation as it is sent to a collector: of the evaluation context the targeting key alone. */
export type EvaluationEvent = {
  readonly evaluation: Evaluation
  readonly flagSetId: string
  readonly revision: bigint
  /** The targeting key. */
  readonly contextId: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
  /** The span of the request, where it is kept. */
  readonly trace: TraceContext | undefined
}

/** The name of the event (https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/). */
export const EVALUATION = 'feature_flag.evaluation'
const PROVIDER = 'flagstaff'
const REASON: Readonly<Record<Evaluation['reason'], string>> = {
  STATIC: 'static',
  DEFAULT: 'default',
  TARGETING_MATCH: 'targeting_match',
  DISABLED: 'disabled',
  ERROR: 'error',
}
/** Longer flag keys and targeting keys of clients are left out. */
const TEXT_LENGTH_MAX = 256
/** OpenTelemetry's default for a queue of log records. */
const CAPACITY = 2_048

/** Samples evaluations and queues them for the collector. */
export class EvaluationEvents {
  readonly pending: Pending<EvaluationEvent>
  readonly #share: number

  /** `share` is the share of evaluations that is sent, from 0, none, to 1, all. */
  constructor(share: number, capacity = CAPACITY) {
    this.#share = share
    this.pending = new Pending(capacity)
  }

  /** Queues the event that `event` makes, if this evaluation is in the sample. */
  record(event: () => EvaluationEvent): void {
    if (this.#share === 1 || Math.random() < this.#share) this.pending.push(event())
  }
}

/** The attributes of an evaluation event in the semantic conventions of OpenTelemetry. */
export function attributesOf({
  evaluation,
  flagSetId,
  revision,
  contextId,
}: Omit<EvaluationEvent, 'at' | 'trace'>): Attributes {
  const { key, reason } = evaluation
  const attributes: Attributes = {
    'feature_flag.key': key.length > TEXT_LENGTH_MAX ? '' : key,
    'feature_flag.result.reason': REASON[reason],
    'feature_flag.set.id': flagSetId,
    'feature_flag.version': String(revision),
    'feature_flag.provider.name': PROVIDER,
  }
  if (contextId !== undefined) attributes['feature_flag.context.id'] = contextId
  if (evaluation.reason === 'ERROR') attributes['error.type'] = evaluation.errorCode.toLowerCase()
  else if (evaluation.variant !== undefined) attributes['feature_flag.result.variant'] = evaluation.variant
  return attributes
}

/** The targeting key, unless it is too long to be one. */
export function contextIdOf(context: Context): string | undefined {
  const id = context['targetingKey']
  return typeof id === 'string' && id.length <= TEXT_LENGTH_MAX ? id : undefined
}
