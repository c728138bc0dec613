import { madeForOrigins } from '../../middleware/cors.ts'
import type { Header } from '../../telemetry/trace-context.ts'
import type { Head } from './exchange.ts'

/** The headers that answers of one kind share: those with flags, those that say "unchanged", and refusals. */
export type Heads = { readonly answer: Head; readonly unchanged: Head; readonly refusal: Head }

const TYPE = { 'content-type': 'application/json' }
const KEPT = { 'cache-control': 'private, no-cache' }
const VARY = 'Flagd-Selector, Authorization, X-API-Key'

/** For responses that pass through the middleware `cors`. */
export const PLAIN_HEADS = headsWith({})

/** The same heads with what a page of the caller's origin needs, all made beforehand: `cors` would set each header of each answer. */
export const headsFor = (origins: readonly string[] | undefined): ((header: Header) => Heads) =>
  madeForOrigins(origins, headsWith)

function headsWith({ vary, ...origin }: Readonly<Record<string, string>>): Heads {
  const common = { ...origin, vary: vary === undefined ? VARY : `${VARY}, ${vary}` }
  return {
    answer: { ...TYPE, ...KEPT, ...common },
    unchanged: { ...KEPT, ...common },
    refusal: { ...TYPE, 'cache-control': 'no-store', ...common },
  }
}
