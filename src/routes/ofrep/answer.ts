import type { Asked, Count } from '../../cache/counting.ts'
import { reflect, type Selector, selects } from '../../cache/selector.ts'
import type { Snapshot } from '../../cache/snapshot.ts'
import type { Metadata } from '../../flag/definition.ts'
import { type Evaluable, type Evaluation, evaluate, type Failure, fail, type Success } from '../../flag/evaluate.ts'
import type { FlagSet } from '../../flag/flag-set.ts'
import { etagOf, type Written, writtenOf } from './etag.ts'
import type { EventStream } from './stream-token.ts'

/** What a request asks, once it is read. */
export type Question = Asked & {
  readonly snapshot: Snapshot
  readonly selector: Selector | undefined
  readonly count: Count
}
/** One answer as OFREP writes it; `status` is that of a request for this flag alone. */
export type Answer = { readonly status: 200 | 400 | 404; readonly body: string }
/** All answers: their ETag, and the body where it has to be sent. */
export type Answers = {
  readonly etag: string
  readonly text: () => string
  /** What is answered, where the same question gets the same answer as long as nothing changes; else undefined. */
  readonly lasting: () => readonly Success[] | undefined
}

/** Why a flag has no answer, in flagd's words. They never quote the rule: a public key may ask for values only. */
const FAILURE: Record<
  Failure['errorCode'],
  { status: 400 | 404; errorCode: string; details: (key: string) => string }
> = {
  FLAG_NOT_FOUND: { status: 404, errorCode: 'FLAG_NOT_FOUND', details: (key) => `flag \`${key}\` does not exist` },
  PARSE_ERROR: { status: 400, errorCode: 'PARSE_ERROR', details: (key) => `error parsing the flag \`${key}\`` },
  // OFREP asks for no type and knows no such code.
  TYPE_MISMATCH: { status: 400, errorCode: 'GENERAL', details: () => 'error processing the flag for evaluation' },
  GENERAL: { status: 400, errorCode: 'GENERAL', details: () => 'error processing the flag for evaluation' },
}

/** Evaluates one flag. One that the selector keeps out does not exist. */
export function answerFor(key: string, question: Question): Answer {
  const { snapshot, selector, count } = question
  const flag = snapshot.flagSet.flags.get(key)
  if (flag !== undefined && selects(selector, snapshot.flagSetId, flag.metadata)) {
    const evaluation = evaluated(flag, question)
    const status = evaluation.reason === 'ERROR' ? FAILURE[evaluation.errorCode].status : 200
    return { status, body: textFor(selector)(evaluation) }
  }
  count(fail({ key, metadata: {} }, 'FLAG_NOT_FOUND', ''), question)
  return { status: 404, body: JSON.stringify(failureOf(key, 'FLAG_NOT_FOUND', ownMetadata(question))) }
}

/** Evaluates all flags that the selector lets through. The failure of one is an item like any other. `streams` is told with them. */
export function answersFor(question: Question, streams: readonly EventStream[] | undefined): Answers {
  const { snapshot, selector } = question
  const evaluations: Evaluation[] = []
  const parts: Written[] = []
  let isLasting = true
  for (const flag of listOf(snapshot.flagSet)) {
    if (!selects(selector, snapshot.flagSetId, flag.metadata)) continue
    const evaluation = evaluated(flag, question)
    evaluations.push(evaluation)
    parts.push(shared(evaluation))
    isLasting &&= isSuccess(evaluation) && !flag.answers.readsClock
  }
  const end = endOf(question, streams)
  parts.push(end) // which says what the selector adds to each of the others
  return {
    etag: etagOf(parts),
    text: () => `{"flags":[${evaluations.map(textFor(selector)).join(',')}],${end.text}`,
    lasting: () => (isLasting ? evaluations.filter(isSuccess) : undefined),
  }
}

const isSuccess = (evaluation: Evaluation): evaluation is Success => evaluation.reason !== 'ERROR'

function evaluated(flag: Evaluable, question: Question): Evaluation {
  const evaluation = evaluate(flag, question.context, question.now)
  question.count(evaluation, question)
  return evaluation
}

/** A success is made once for each variant of a flag, and so is its text. */
const texts = new WeakMap<Evaluation, Written>()

/** The text of an answer, with what the selector adds to it. */
function textFor(selector: Selector | undefined): (evaluation: Evaluation) => string {
  if (selector === undefined) return sharedText
  const reflected = reflect(selector)
  return (evaluation) => JSON.stringify(answerOf(evaluation, reflected))
}

const sharedText = (evaluation: Evaluation): string => shared(evaluation).text

function shared(evaluation: Evaluation): Written {
  const known = texts.get(evaluation)
  if (known !== undefined) return known
  const written = writtenOf(JSON.stringify(answerOf(evaluation, {})))
  texts.set(evaluation, written)
  return written
}

/** The flags of a set one after the other: to walk through a map in layers takes longer than to evaluate what is in it. */
const lists = new WeakMap<FlagSet, readonly Evaluable[]>()

function listOf(flagSet: FlagSet): readonly Evaluable[] {
  const list = lists.get(flagSet) ?? [...flagSet.flags.values()]
  lists.set(flagSet, list)
  return list
}

/** What a bulk answer ends with, kept for as long as a snapshot has the same streams. */
const ends = new WeakMap<Snapshot, { readonly streams: unknown; readonly end: Written }>()

function endOf(question: Question, streams: readonly EventStream[] | undefined): Written {
  const { snapshot, selector } = question
  const known = selector === undefined ? ends.get(snapshot) : undefined
  if (known !== undefined && known.streams === streams) return known.end
  const members = { metadata: ownMetadata(question), ...(streams?.length && { eventStreams: streams }) }
  const end = writtenOf(JSON.stringify(members).slice(1))
  if (selector === undefined) ends.set(snapshot, { streams, end })
  return end
}

function answerOf(evaluation: Evaluation, reflected: Metadata): object {
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

/** What an answer says about the whole set. */
function ownMetadata({ snapshot, selector }: Question): Metadata {
  return { ...snapshot.flagSet.metadata, ...reflect(selector) }
}
