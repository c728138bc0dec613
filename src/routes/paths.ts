import { FlagError } from '../flag/error.ts'

export const BULK = '/ofrep/v1/evaluate/flags'
export const SINGLE = '/ofrep/v1/evaluate/flags/:key'
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

/**
 * The last segment of the path as it came. Hono's own path is decoded in part, so that an encoded key could no longer be told
 * from one that looks encoded.
 */
export function lastSegment(url: string): string {
  const path = before(before(url, '#'), '?')
  return path.slice(path.lastIndexOf('/') + 1)
}

function before(text: string, mark: string): string {
  const at = text.indexOf(mark)
  return at < 0 ? text : text.slice(0, at)
}

/** Text of an address without its percent-encoding; undefined where that is not UTF-8, or has a NUL, which nothing here can be named. */
export function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    const decoded = decodeURIComponent(text)
    return decoded.includes('\0') ? undefined : decoded
  } catch {
    return undefined
  }
}

/**
 * The selector that stands in a path after `prefix`, from the address as it came: Hono's own path is decoded in part. Empty where there
 * is none; throws `invalid`.
 */
export function selectorAfter(prefix: string, url: string): string {
  const { pathname } = new URL(url)
  const selector = decode(pathname.slice(prefix.length).replace(/^\//, ''))
  if (selector === undefined) throw new FlagError('invalid', 'invalid selector: not percent-encoded UTF-8 without NUL')
  return selector
}
