import { BULK, decode, lastSegment } from './evaluations.ts'

/** A path of either, as Hono's routes match it. */
const EVALUATION = /^\/ofrep\/v1\/evaluate\/flags(?:\/[^/]*)?$/

/** True for the path of an evaluation of one flag, or of all. */
export const isEvaluationPath = (path: string): boolean => EVALUATION.test(path)

/** The flag that a path asks for; undefined: it asks for none. */
export const keyIn = (path: string): string | undefined =>
  isEvaluationPath(path) && path.length > BULK.length + 1 ? decode(lastSegment(path)) : undefined

/** True for the path of a method, whether there is such a method or not. */
export const isCall = (path: string, services: ReadonlySet<string>): boolean =>
  services.has(path.slice(1, path.indexOf('/', 1)))
