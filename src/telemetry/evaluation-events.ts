import type { Context } from '../flag/definition.ts'
import type { Evaluation } from '../flag/evaluate.ts'
import { ExportQueue } from './export-queue.ts'
import type { Attributes } from './span.ts'
import type { TraceContext } from './trace-context.ts'

/** One evaluation for a collector. Of the evaluation context it has the targeting key only. */
export type EvaluationEvent = {
  readonly evaluation: Evaluation
  readonly flagSetId: string
  readonly revision: bigint
  readonly contextId: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
  /** The span of the request, if it is sampled. */
  readonly trace: TraceContext | undefined
}

/** The name of the event (https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/). */
export const EVALUATION_EVENT = 'feature_flag.evaluation'
const PROVIDER = 'flagstaff'
/** Longer flag keys and targeting keys of clients are omitted. */
const TEXT_LENGTH_MAX = 256
/** OpenTelemetry's default for log records. */
const CAPACITY = 2_048

/** Samples evaluations and queues their events. */
export class EvaluationEvents {
  readonly queue: ExportQueue<EvaluationEvent>
  readonly #ratio: number

  /** `ratio` is the fraction of evaluations that is sent, from 0 to 1. */
  constructor(ratio: number, capacity = CAPACITY) {
    this.#ratio = ratio
    this.queue = new ExportQueue(capacity)
  }

  /** Creates and queues an event if this evaluation is sampled. */
  record(create: () => EvaluationEvent): void {
    if (this.#ratio === 1 || Math.random() < this.#ratio) this.queue.push(create())
  }
}

/** The attributes of an evaluation event in OpenTelemetry's semantic conventions. */
export function attributesOf(event: Omit<EvaluationEvent, 'at' | 'trace'>): Attributes {
  const { evaluation, flagSetId, revision, contextId } = event
  const { key, reason } = evaluation
  const attributes: Attributes = {
    'feature_flag.key': key.length > TEXT_LENGTH_MAX ? '' : key,
    'feature_flag.result.reason': reason.toLowerCase(),
    'feature_flag.set.id': flagSetId,
    'feature_flag.version': String(revision),
    'feature_flag.provider.name': PROVIDER,
  }
  if (contextId !== undefined) attributes['feature_flag.context.id'] = contextId
  if (evaluation.reason === 'ERROR') attributes['error.type'] = evaluation.errorCode.toLowerCase()
  else if (evaluation.variant !== undefined) attributes['feature_flag.result.variant'] = evaluation.variant
  return attributes
}

/** The targeting key; undefined without one, or above the length limit. */
export function contextIdOf(context: Context): string | undefined {
  const id = context['targetingKey']
  return typeof id === 'string' && id.length <= TEXT_LENGTH_MAX ? id : undefined
}
