import type { EvaluationScope, RecordEvaluation } from '../../cache/evaluation-recorder.ts'
import { reflect, type Selector, selects } from '../../cache/selector.ts'
import type { Snapshot } from '../../cache/snapshots.ts'
import type { Metadata } from '../../flag/definition.ts'
import { type Evaluable, type Evaluation, evaluate, type Failure, fail, type Success } from '../../flag/evaluate.ts'
import type { FlagSet } from '../../flag/flag-set.ts'
import { etagOf, type HashedText, hashedText } from './etag.ts'
import type { EventStream } from './stream-token.ts'

/** The input of an evaluation. */
export type EvaluationInput = EvaluationScope & {
  readonly snapshot: Snapshot
  readonly selector: Selector | undefined
  readonly count: RecordEvaluation
}
/** The result of one flag in JSON, with the status of a request for this flag alone. */
export type FlagResult = { readonly status: 200 | 400 | 404; readonly text: string }
/** The results of all flags: their ETag, and the body if it must be sent. */
export type BulkResult = {
  readonly etag: string
  readonly text: () => string
  /** The evaluations, if the same input gives the same result until the configuration changes; otherwise undefined. */
  readonly repeatable: () => readonly Success[] | undefined
}

/** Errors in flagd's words. They never quote the rule: a client key may read values only. */
const FAILURE: Record<
  Failure['errorCode'],
  { status: 400 | 404; errorCode: string; details: (key: string) => string }
> = {
  FLAG_NOT_FOUND: { status: 404, errorCode: 'FLAG_NOT_FOUND', details: (key) => `flag \`${key}\` does not exist` },
  PARSE_ERROR: { status: 400, errorCode: 'PARSE_ERROR', details: (key) => `error parsing the flag \`${key}\`` },
  // An OFREP request has no type, so the protocol has no such code.
  TYPE_MISMATCH: { status: 400, errorCode: 'GENERAL', details: () => 'error processing the flag for evaluation' },
  GENERAL: { status: 400, errorCode: 'GENERAL', details: () => 'error processing the flag for evaluation' },
}

/** Evaluates one flag. A flag that the selector excludes does not exist. */
export function resultFor(key: string, input: EvaluationInput): FlagResult {
  const { snapshot, selector, count } = input
  const flag = snapshot.flagSet.flags.get(key)
  if (flag !== undefined && (selector === undefined || selects(selector, snapshot.flagSetId, flag.metadata))) {
    const evaluation = evaluated(flag, input)
    const status = evaluation.reason === 'ERROR' ? FAILURE[evaluation.errorCode].status : 200
    return { status, text: textFor(selector)(evaluation) }
  }
  count(fail({ key, metadata: {} }, 'FLAG_NOT_FOUND', ''), input)
  return { status: 404, text: JSON.stringify(failureOf(key, 'FLAG_NOT_FOUND', setMetadata(input))) }
}

/** Evaluates all flags that the selector includes; an error of one is an item of the list. `streams` are part of the body. */
export function resultsFor(input: EvaluationInput, streams: readonly EventStream[] | undefined): BulkResult {
  const { snapshot, selector } = input
  const evaluations: Evaluation[] = []
  const parts: HashedText[] = []
  let isRepeatable = true
  for (const flag of listOf(snapshot.flagSet)) {
    if (!selects(selector, snapshot.flagSetId, flag.metadata)) continue
    const evaluation = evaluated(flag, input)
    evaluations.push(evaluation)
    parts.push(shared(evaluation))
    isRepeatable &&= isSuccess(evaluation) && !flag.plan.readsClock
  }
  const end = endOf(input, streams)
  parts.push(end) // it has what the selector adds to each of the others
  return {
    etag: etagOf(parts),
    text: () => `{"flags":[${evaluations.map(textFor(selector)).join(',')}],${end.text}`,
    repeatable: () => (isRepeatable ? evaluations.filter(isSuccess) : undefined),
  }
}

const isSuccess = (evaluation: Evaluation): evaluation is Success => evaluation.reason !== 'ERROR'

function evaluated(flag: Evaluable, input: EvaluationInput): Evaluation {
  const evaluation = evaluate(flag, input.context, input.now)
  input.count(evaluation, input)
  return evaluation
}

/** Successes are shared: one object for each variant of a flag. So is their text. */
const texts = new WeakMap<Evaluation, HashedText>()

/** The JSON of an evaluation, with the metadata that the selector adds. */
function textFor(selector: Selector | undefined): (evaluation: Evaluation) => string {
  if (selector === undefined) return sharedText
  const reflected = reflect(selector)
  return (evaluation) => JSON.stringify(resultOf(evaluation, reflected))
}

const sharedText = (evaluation: Evaluation): string => shared(evaluation).text

function shared(evaluation: Evaluation): HashedText {
  const cached = texts.get(evaluation)
  if (cached !== undefined) return cached
  const hashed = hashedText(JSON.stringify(resultOf(evaluation, {})))
  texts.set(evaluation, hashed)
  return hashed
}

/** The flags of a set as an array: to iterate a layered map takes longer than to evaluate its flags. */
const lists = new WeakMap<FlagSet, readonly Evaluable[]>()

function listOf(flagSet: FlagSet): readonly Evaluable[] {
  const list = lists.get(flagSet) ?? [...flagSet.flags.values()]
  lists.set(flagSet, list)
  return list
}

/** The end of a bulk body, cached while a snapshot has the same streams. */
const ends = new WeakMap<Snapshot, { readonly streams: unknown; readonly end: HashedText }>()

function endOf(input: EvaluationInput, streams: readonly EventStream[] | undefined): HashedText {
  const { snapshot, selector } = input
  const cached = selector === undefined ? ends.get(snapshot) : undefined
  if (cached !== undefined && cached.streams === streams) return cached.end
  const members = { metadata: setMetadata(input), ...(streams?.length && { eventStreams: streams }) }
  const end = hashedText(JSON.stringify(members).slice(1))
  if (selector === undefined) ends.set(snapshot, { streams, end })
  return end
}

function resultOf(evaluation: Evaluation, reflected: Metadata): object {
  const { key } = evaluation
  const metadata = { ...reflected, ...evaluation.metadata }
  if (evaluation.reason === 'ERROR') return failureOf(key, evaluation.errorCode, metadata)
  const { reason, value, variant } = evaluation
  return { key, reason, value, variant, metadata }
}

function failureOf(key: string, code: Failure['errorCode'], metadata: Metadata): object {
  const { errorCode, details } = FAILURE[code]
  return { key, errorCode, errorDetails: details(key), metadata }
}

/** Metadata of the flag set, with what the selector adds. */
function setMetadata({ snapshot, selector }: EvaluationInput): Metadata {
  return { ...snapshot.flagSet.metadata, ...reflect(selector) }
}
