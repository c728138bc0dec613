import { FlagError } from '../flag/error.ts'
import { decode } from './management/paths.ts'

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
