import type { Metadata } from '../flag/definition.ts'
import { type Evaluable, type Evaluation, evaluate, type Failure, fail } from '../flag/evaluate.ts'
import type { Asked, Count } from '../snapshot/exposures.ts'
import { reflect, type Selector, selects } from '../snapshot/selector.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'

/** What a request asks, once it is read. */
export type Question = Asked & {
  readonly snapshot: Snapshot
  readonly selector: Selector | undefined
  readonly count: Count
}
/** One answer as OFREP words it; `status` is that of a request for this flag alone. */
export type Answer = { readonly status: 200 | 400 | 404; readonly body: object }

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
  if (flag !== undefined && selects(selector, snapshot.flagSetId, flag.metadata))
    return answerOf(evaluated(flag, question), reflect(selector))
  count(fail({ key, metadata: {} }, 'FLAG_NOT_FOUND', ''), question)
  return failureOf(key, 'FLAG_NOT_FOUND', ownMetadata(question))
}

/** Evaluates all flags that the selector lets through. The failure of one is an item like any other. */
export function answersFor(question: Question): { flags: object[]; metadata: Metadata } {
  const { snapshot, selector } = question
  const reflected = reflect(selector)
  const flags: object[] = []
  for (const flag of snapshot.flagSet.flags.values())
    if (selects(selector, snapshot.flagSetId, flag.metadata))
      flags.push(answerOf(evaluated(flag, question), reflected).body)
  return { flags, metadata: ownMetadata(question) }
}

function evaluated(flag: Evaluable, question: Question): Evaluation {
  const evaluation = evaluate(flag, question.context, question.now)
  question.count(evaluation, question)
  return evaluation
}

function answerOf(evaluation: Evaluation, reflected: Metadata): Answer {
  const { key } = evaluation
  const metadata = { ...reflected, ...evaluation.metadata }
  if (evaluation.reason === 'ERROR') return failureOf(key, evaluation.errorCode, metadata)
  const { reason, value, variant } = evaluation
  return { status: 200, body: { key, reason, value, variant, metadata } }
}

function failureOf(key: string, code: Failure['errorCode'], metadata: Metadata): Answer {
  const { status, errorCode, details } = FAILURE[code]
  return { status, body: { key, errorCode, errorDetails: details(key), metadata } }
}

/** What an answer says about the whole set. */
function ownMetadata({ snapshot, selector }: Question): Metadata {
  return { ...snapshot.flagSet.metadata, ...reflect(selector) }
}
