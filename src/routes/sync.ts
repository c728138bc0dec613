import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context as Call } from 'hono'
import { type Authenticate, hasRole } from '../cache/authenticator.ts'
import { type ProviderDocument, providerDocument } from '../cache/document.ts'
import { flagSetIdFor, parseSelector } from '../cache/selector.ts'
import type { Snapshot } from '../cache/snapshot.ts'
import { FlagError } from '../flag/error.ts'
import { matchesEtag } from './ofrep/etag.ts'
import { selectorAfter } from './paths.ts'

export type SyncDependencies = {
  readonly authenticate: Authenticate
  /** A promise only for an environment that this replica does not know yet. Throws `not_found` or `unavailable`. */
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  /** Notes that the flag set of an environment was served to a provider that evaluates in process. */
  readonly noteSync: (environmentId: bigint) => void
  /** Where a caller goes that is bound to no environment and names none. */
  readonly defaultFlagSetId: string | undefined
}

const PATH = '/v1/flags'
/** Any cache may keep it, and asks each time, with the key of whoever asks, whether it is still right. */
const HEADERS = {
  'cache-control': 'public, no-cache',
  vary: 'Accept-Encoding, Flagd-Selector, Authorization, X-API-Key',
}
/** Below this compressing saves nothing that is worth the time. */
const COMPRESS_FROM_BYTES = 1_024

/**
 * `GET /v1/flags[/{selector}]`: flagd's HTTP sync. The flag set as one document, for `flagd start --uri http://…/v1/flags`, in-process
 * providers and caches. The header `Flagd-Selector` comes before the selector of the path.
 */
export const sync =
  (dependencies: SyncDependencies) =>
  (c: Call): Promise<Response> =>
    answerSync(dependencies, c)

async function answerSync(
  { authenticate, current, noteSync, defaultFlagSetId }: SyncDependencies,
  c: Call,
): Promise<Response> {
  const principal = await authenticate(c.req.raw.headers)
  if (!hasRole(principal, 'server')) throw new FlagError('forbidden', 'This API key may not read definitions')
  const selector = parseSelector(c.req.header('flagd-selector') || selectorAfter(PATH, c.req.url))
  const snapshot = await current(flagSetIdFor(principal, selector, defaultFlagSetId))
  const document = providerDocument(snapshot, selector)
  if (!document) throw new FlagError('too_large', 'The flag set is too large; name a source with "Flagd-Selector"')
  noteSync(snapshot.id)
  const isPacked = document.bytes >= COMPRESS_FROM_BYTES && takesGzip(c.req.header('accept-encoding'))
  // A strong ETag names one sequence of bytes, so the packed form has its own.
  const [plain, packed] = [`"${document.hash}"`, `"${document.hash}-gzip"`]
  const etag = isPacked ? packed : plain
  const headers = { ...HEADERS, etag, 'last-modified': snapshot.changedAt.toUTCString() }
  const held = c.req.header('if-none-match') ?? null
  if (matchesEtag(held, plain) || matchesEtag(held, packed)) return c.body(null, 304, headers)
  const type = { 'content-type': 'application/json' }
  if (!isPacked) return c.body(document.text, 200, { ...headers, ...type })
  return c.body(await packedOf(document), 200, { ...headers, ...type, 'content-encoding': 'gzip' })
}

/** True when the client says so, and not with a weight of 0 (RFC 9110 §12.5.3). */
const takesGzip = (accept = ''): boolean =>
  /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?:1|0?\.0*[1-9])[\d.]*\s*)?(?:,|$)/i.test(accept)

const packs = new WeakMap<ProviderDocument, Promise<Uint8Array<ArrayBuffer>>>()

/** Packed once for all who ask. */
function packedOf(document: ProviderDocument): Promise<Uint8Array<ArrayBuffer>> {
  const known = packs.get(document) ?? promisify(gzip)(document.text).then((bytes) => new Uint8Array(bytes))
  packs.set(document, known)
  return known
}
