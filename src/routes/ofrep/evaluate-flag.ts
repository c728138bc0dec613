import { FlagError } from '../../flag/error.ts'
import { decode, EVALUATE_ALL, EVALUATE_FLAG, lastSegment } from '../paths.ts'
import {
  contextOf,
  type EvaluationDependencies,
  type EvaluationHandler,
  evaluationHandler,
} from './evaluation-handler.ts'
import { resultFor } from './results.ts'

/** `POST /ofrep/v1/evaluate/flags/{key}`: one flag, as server providers request it. */
export function evaluateFlag(dependencies: EvaluationDependencies): EvaluationHandler {
  const { enrich, count } = dependencies
  return evaluationHandler(dependencies, {
    path: EVALUATE_FLAG,
    keyIn: (url) => keyOf(url) ?? lastSegment(url),
    evaluate: ({ url, body, headers, snapshot, selector, now, span }) => {
      const context = enrich(contextOf(body))
      const key = keyOf(url)
      if (key === undefined) throw new FlagError('invalid', 'invalid flag key: not percent-encoded UTF-8 without NUL')
      const result = resultFor(key, { snapshot, selector, context, now, span, count })
      return { status: result.status, headers: headers.values, body: result.text }
    },
  })
}

const PREFIX = `${EVALUATE_ALL}/`
/** What a router must look at: a further segment, a query, a fragment, percent-encoding. */
const UNUSUAL = /[/?#%]/

/** The key of a URL that has nothing but a key after the path of this route; undefined for all others. */
function plainKey(url: string): string | undefined {
  const path = url.indexOf('/', url.indexOf('://') + 3)
  if (!url.startsWith(PREFIX, path)) return undefined
  const key = url.slice(path + PREFIX.length)
  return key === '' || UNUSUAL.test(key) ? undefined : key
}

const keyOf = (url: string): string | undefined => plainKey(url) ?? decode(lastSegment(url))

/** Whether a request is one for this route in its usual form: it needs no router, which would take 2 µs of 20. */
export const isPlainEvaluation = ({ method, url }: Request): boolean => method === 'POST' && plainKey(url) !== undefined
