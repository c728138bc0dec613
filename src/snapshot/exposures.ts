import type { Context } from '../flag/definition.ts'
import type { Evaluation, Success } from '../flag/evaluate.ts'
import type { Attributes, Span } from '../telemetry/span.ts'
import { Spool } from '../telemetry/spool.ts'
import type { TraceContext } from '../telemetry/trace-context.ts'
import type { Evaluations } from './evaluations.ts'
import type { Snapshot } from './snapshot.ts'
import type { Usage } from './usage.ts'

/** What an evaluation was asked with. */
export type Asked = {
  readonly snapshot: Pick<Snapshot, 'id' | 'flagSetId' | 'revision'>
  readonly context: Context
  /** Unix seconds. */
  readonly now: number
  /** Of the request, where it is kept. */
  readonly span?: Span | undefined
}
/** Notes an answer, wherever it was asked for. */
export type Count = (evaluation: Evaluation, asked: Asked) => void
/** What was asked before, and is asked again; its context is read for those who tell of it. */
export type AskedAgain = Omit<Asked, 'context'> & { readonly context: () => Context }
/** Notes the answers of one request, which are the very list of another before it. */
export type CountAll = (evaluations: readonly Success[], asked: AskedAgain) => void

/** One evaluation, with what is told of it elsewhere: of the evaluation context its targeting key alone. */
export type Exposure = {
  readonly evaluation: Evaluation
  readonly flagSetId: string
  readonly revision: bigint
  readonly contextId: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number
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
/** What a client makes larger than this is no id and no key, and is not kept. */
const TEXT_LENGTH_MAX = 256
/** OpenTelemetry's default for a queue of log records. */
const CAPACITY = 2_048

/** Evaluations that wait for whoever takes them to the collector, and the share of all that is taken at all. */
export class Exposures {
  readonly waiting: Spool<Exposure>
  readonly #share: number

  /** `share` is from 0, none, to 1, all. */
  constructor(share: number, capacity = CAPACITY) {
    this.#share = share
    this.waiting = new Spool(capacity)
  }

  note(evaluation: Evaluation, asked: Asked): void {
    if (this.#share === 1 || Math.random() < this.#share) this.waiting.push(exposureOf(evaluation, asked))
  }
}

/** What is noted of each answer: counted for metrics and for the usage, told in the span of its request, and handed on. */
export function counting(to: {
  readonly evaluations: Evaluations
  readonly usage: Usage
  /** Undefined where nobody takes them. */
  readonly exposures?: Exposures | undefined
}): { readonly count: Count; readonly countAll: CountAll } {
  const { evaluations, usage, exposures } = to
  const count: Count = (evaluation, asked) => {
    const { snapshot, now, span } = asked
    evaluations.count(snapshot.flagSetId, evaluation)
    usage.count(snapshot.id, evaluation, now)
    if (span) span.note(EVALUATION, contextOf(contextIdOf(asked.context)), sharedOf(evaluation, snapshot))
    exposures?.note(evaluation, asked)
  }
  const countAll: CountAll = (list, asked) => {
    const { snapshot, now, span } = asked
    if (span || exposures) {
      const each = { snapshot, context: asked.context(), now, span }
      for (const evaluation of list) count(evaluation, each)
      return
    }
    evaluations.countAll(snapshot.flagSetId, list)
    usage.countAll(snapshot.id, list, now)
  }
  return { count, countAll }
}

/** An exposure in the words of OpenTelemetry's semantic conventions for feature flags. */
export const attributesOf = ({ evaluation, flagSetId, revision, contextId }: Exposure): Attributes => ({
  ...answerOf(evaluation, { flagSetId, revision }),
  ...contextOf(contextId),
})

type Source = Pick<Exposure, 'flagSetId' | 'revision'>

const contextOf = (id: string | undefined): Attributes => (id === undefined ? {} : { 'feature_flag.context.id': id })

function answerOf(evaluation: Evaluation, { flagSetId, revision }: Source): Attributes {
  const { key, reason } = evaluation
  const attributes: Attributes = {
    'feature_flag.key': key.length > TEXT_LENGTH_MAX ? '' : key,
    'feature_flag.result.reason': REASON[reason],
    'feature_flag.set.id': flagSetId,
    'feature_flag.version': String(revision),
    'feature_flag.provider.name': PROVIDER,
  }
  if (evaluation.reason === 'ERROR') attributes['error.type'] = evaluation.errorCode.toLowerCase()
  else if (evaluation.variant !== undefined) attributes['feature_flag.result.variant'] = evaluation.variant
  return attributes
}

const told = new WeakMap<Evaluation, Source & { readonly attributes: Attributes }>()

/** What is said of an answer, made once for each: a flag has one for each variant, as long as no other revision is served. */
function sharedOf(evaluation: Evaluation, { flagSetId, revision }: Source): Attributes {
  const before = told.get(evaluation)
  if (before?.revision === revision && before.flagSetId === flagSetId) return before.attributes
  const attributes = answerOf(evaluation, { flagSetId, revision })
  told.set(evaluation, { flagSetId, revision, attributes })
  return attributes
}

function exposureOf(evaluation: Evaluation, { snapshot, context, span }: Asked): Exposure {
  const { flagSetId, revision } = snapshot
  return { evaluation, flagSetId, revision, contextId: contextIdOf(context), at: Date.now(), trace: span }
}

/** The targeting key, unless a client made it too long to be one. */
function contextIdOf(context: Context): string | undefined {
  const id = context['targetingKey']
  return typeof id === 'string' && id.length <= TEXT_LENGTH_MAX ? id : undefined
}
