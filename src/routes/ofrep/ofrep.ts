import { type Context as Call, Hono } from 'hono'
import { cors } from 'hono/cors'
import { corsOptions } from '../../middleware/cors.ts'
import { BULK, isEvaluationPath, lastSegment, SINGLE } from '../paths.ts'
import { type EvaluationDependencies, evaluations } from './evaluations.ts'
import { askedBy, responseOf } from './exchange.ts'
import { PLAIN_HEADS } from './heads.ts'
import { refusal } from './refusal.ts'

export type OfrepDependencies = EvaluationDependencies & {
  /** Undefined: all. */
  readonly corsOrigins?: readonly string[] | undefined
}

/** The OpenFeature Remote Evaluation Protocol 0.3: one flag (server providers) or all of them (web providers). */
export function ofrep(dependencies: OfrepDependencies): Hono {
  const { single, bulk } = evaluations(dependencies, () => PLAIN_HEADS)<undefined, Response>(responseOf)
  const answerSingle = ({ req: { raw } }: Call) => single(askedBy(raw), undefined, lastSegment(raw.url))
  const answerBulk = ({ req: { raw } }: Call) => bulk(askedBy(raw), undefined)
  return new Hono()
    .use('/ofrep/*', cors(corsOptions(dependencies.corsOrigins)))
    .post(SINGLE, answerSingle)
    .post(BULK, answerBulk)
    .post(`${BULK}/`, answerBulk)
    .all(SINGLE, onlyPost)
    .all(BULK, onlyPost)
    .all(`${BULK}/`, onlyPost)
}

/** True for the requests that this door observes itself: those that its handlers answer. */
export const isEvaluation = ({ req }: Call): boolean => req.method === 'POST' && isEvaluationPath(req.path)

const onlyPost = () =>
  responseOf(refusal(PLAIN_HEADS, 405, { errorCode: 'GENERAL', errorDetails: 'method not allowed, use POST' }))
