import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context } from 'hono'
import { type Authenticate, hasRole } from '../cache/authenticator.ts'
import { type ProviderDocument, providerDocument } from '../cache/provider-document.ts'
import { flagSetIdFor, parseSelector } from '../cache/selector.ts'
import type { Snapshot } from '../cache/snapshots.ts'
import { FlagError } from '../flag/error.ts'
import { matchesEtag } from './ofrep/etag.ts'
import { selectorAfter } from './paths.ts'

export type HttpSyncDependencies = {
  readonly authenticate: Authenticate
  /** A promise only for an environment that is not cached yet. Throws `not_found` or `unavailable`. */
  readonly current: (flagSetId: string) => Snapshot | Promise<Snapshot>
  /** Records that the flag set of an environment was served to a provider that evaluates in process. */
  readonly noteSync: (environmentId: bigint, userAgent: string | null) => void
  /** The flag set of a caller that is bound to no environment and names none. */
  readonly defaultFlagSetId: string | undefined
}

const PATH = '/v1/flags'
/** Cacheable, but must be revalidated on every use with the caller's own key. */
const HEADERS = {
  'cache-control': 'public, no-cache',
  vary: 'Accept-Encoding, Flagd-Selector, Authorization, X-API-Key',
}
/** Compressing a smaller body costs more time than it saves. */
const COMPRESS_FROM_BYTES = 1_024

/**
 * `GET /v1/flags[/{selector}]`: flagd's HTTP sync. The flag set as one document, for `flagd start --uri http://…/v1/flags`, in-process
 * providers and caches. The header `Flagd-Selector` comes before the selector of the path.
 */
export function sync(dependencies: HttpSyncDependencies): (c: Context) => Promise<Response> {
  const { authenticate, current, noteSync, defaultFlagSetId } = dependencies
  return async (c) => {
    const principal = await authenticate(c.req.raw.headers)
    if (!hasRole(principal, 'server')) throw new FlagError('forbidden', 'This API key may not read definitions')
    const selector = parseSelector(c.req.header('flagd-selector') || selectorAfter(PATH, c.req.url))
    const snapshot = await current(flagSetIdFor(principal, selector, defaultFlagSetId))
    const document = providerDocument(snapshot, selector)
    if (!document) throw new FlagError('too_large', 'The flag set is too large; name a source with "Flagd-Selector"')
    noteSync(snapshot.id, c.req.header('user-agent') ?? null)
    return documentResponse(c, document, snapshot.changedAt)
  }
}

/** The document, compressed if the client accepts it; 304 if the client has it. A strong ETag names one sequence of bytes: gzip has its own. */
async function documentResponse(c: Context, document: ProviderDocument, changedAt: Date): Promise<Response> {
  const isCompressed = document.bytes >= COMPRESS_FROM_BYTES && acceptsGzip(c.req.header('accept-encoding'))
  const [plainTag, gzipTag] = [`"${document.hash}"`, `"${document.hash}-gzip"`]
  const headers = { ...HEADERS, etag: isCompressed ? gzipTag : plainTag, 'last-modified': changedAt.toUTCString() }
  const ifNoneMatch = c.req.header('if-none-match') ?? null
  if (matchesEtag(ifNoneMatch, plainTag) || matchesEtag(ifNoneMatch, gzipTag)) return c.body(null, 304, headers)
  const type = { 'content-type': 'application/json' }
  if (!isCompressed) return c.body(document.text, 200, { ...headers, ...type })
  return c.body(await gzipOf(document), 200, { ...headers, ...type, 'content-encoding': 'gzip' })
}

/** True when the header accepts gzip with a weight above 0 (RFC 9110 §12.5.3). */
const acceptsGzip = (accept = ''): boolean =>
  /(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?:1|0?\.0*[1-9])[\d.]*\s*)?(?:,|$)/i.test(accept)

const compressed = new WeakMap<ProviderDocument, Promise<Uint8Array<ArrayBuffer>>>()

/** Compressed once for all clients. */
function gzipOf(document: ProviderDocument): Promise<Uint8Array<ArrayBuffer>> {
  const known = compressed.get(document) ?? promisify(gzip)(document.text).then((bytes) => new Uint8Array(bytes))
  compressed.set(document, known)
  return known
}
