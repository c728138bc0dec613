import { FlagError } from '../flag/error.ts'

export const EVALUATE_ALL = '/ofrep/v1/evaluate/flags'
export const EVALUATE_FLAG = '/ofrep/v1/evaluate/flags/:key'
/** Both, as Hono's routes match them. */
const EVALUATION = /^\/ofrep\/v1\/evaluate\/flags(?:\/[^/]*)?$/

/** True for the path of an evaluation of one flag, or of all. */
const isEvaluationPath = (path: string): boolean => EVALUATION.test(path)

/** The flag key in the path of an evaluation; undefined in every other path. */
export const keyIn = (path: string): string | undefined =>
  isEvaluationPath(path) && path.length > EVALUATE_ALL.length + 1 ? decode(lastSegment(path)) : undefined

/** True for the path of an RPC of these services, even if they have no such method. */
export const isCall = (path: string, services: ReadonlySet<string>): boolean =>
  services.has(path.slice(1, path.indexOf('/', 1)))

/**
 * The last segment of the path, still percent-encoded. Hono decodes its own path in part: after that, an encoded key could not be
 * distinguished from a key that contains "%".
 */
export function lastSegment(url: string): string {
  const path = before(before(url, '#'), '?')
  return path.slice(path.lastIndexOf('/') + 1)
}

function before(text: string, mark: string): string {
  const at = text.indexOf(mark)
  return at < 0 ? text : text.slice(0, at)
}

/** Decodes percent-encoded text; undefined if it is not UTF-8 or contains NUL, which no name may contain. */
export function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    const decoded = decodeURIComponent(text)
    return decoded.includes('\0') ? undefined : decoded
  } catch {
    return undefined
  }
}

/** The selector after `prefix` in the path of a URL, decoded; empty if there is none. Throws `invalid`. */
export function selectorAfter(prefix: string, url: string): string {
  const { pathname } = new URL(url)
  const selector = decode(pathname.slice(prefix.length).replace(/^\//, ''))
  if (selector === undefined) throw new FlagError('invalid', 'invalid selector: not percent-encoded UTF-8 without NUL')
  return selector
}

/** What the paths of the management API begin with. */
export const MANAGEMENT = '/api/v1/'
/** What the paths of the console and its sessions begin with. */
export const CONSOLE = '/console/'
