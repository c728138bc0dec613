import type { Context } from 'hono'
import { FlagError } from '../../flag/error.ts'
import { decode, EVALUATE_FLAG, lastSegment } from '../paths.ts'
import { contextOf, type EvaluationDependencies, evaluationHandler } from './evaluation-handler.ts'
import { resultFor } from './results.ts'

/** `POST /ofrep/v1/evaluate/flags/{key}`: one flag, as server providers request it. */
export function evaluateFlag(dependencies: EvaluationDependencies): (c: Context) => Promise<Response> {
  const { enrich, count } = dependencies
  return evaluationHandler(dependencies, {
    path: EVALUATE_FLAG,
    keyIn: (url) => decode(lastSegment(url)) ?? lastSegment(url),
    evaluate: ({ url, body, headers, snapshot, selector, now, span }) => {
      const context = enrich(contextOf(body))
      const key = decode(lastSegment(url))
      if (key === undefined) throw new FlagError('invalid', 'invalid flag key: not percent-encoded UTF-8 without NUL')
      const result = resultFor(key, { snapshot, selector, context, now, span, count })
      return { status: result.status, headers: headers.values, body: result.text }
    },
  })
}
