import { hmacSha256, isEqualInTime } from '../../repository/digest.ts'

/** The event stream of a bulk result (OFREP ADR-0008). */
export type EventStream = {
  readonly type: 'sse'
  readonly endpoint: { readonly origin?: string; readonly requestUri: string }
  readonly inactivityDelaySec: number
}
/** The streams of an environment; empty while the secret cannot be read. */
export type EventStreams = (flagSetId: string) => readonly EventStream[] | Promise<readonly EventStream[]>

export const STREAM_PATH = '/ofrep/v1/sse/'
/** A page that is hidden for this long disconnects. */
const INACTIVITY_SECONDS = 120
/**
 * Tokens change with each epoch and are valid for two. In between, a result and its ETag stay the same, and a URL works for as long as
 * OpenFeature's web provider caches results (30 days).
 */
const EPOCH_MS = 30 * 24 * 3_600_000
const TOKEN = /^(\d{1,6})\.([\w-]{43})$/

/**
 * A token that permits the event stream of one environment and nothing else. It is part of the URL, because the EventSource of a browser
 * sends no headers. `nowMs` is since 1970.
 */
export function streamToken(secret: Buffer, flagSetId: string, nowMs: number): string {
  const epoch = epochOf(nowMs)
  return `${epoch}.${mac(secret, flagSetId, epoch).toString('base64url')}`
}

/** True for a token of this environment that has not expired. Constant time for any text of a token's form. */
export function isStreamToken(token: string, of: { secret: Buffer; flagSetId: string; nowMs: number }): boolean {
  const [, epoch, signature = ''] = TOKEN.exec(token) ?? []
  if (epoch === undefined) return false
  const isGenuine = isEqualInTime(Buffer.from(signature, 'base64url'), mac(of.secret, of.flagSetId, Number(epoch)))
  const age = epochOf(of.nowMs) - Number(epoch)
  return isGenuine && (age === 0 || age === 1)
}

const epochOf = (nowMs: number): number => Math.floor(nowMs / EPOCH_MS)

const mac = (secret: Buffer, flagSetId: string, epoch: number): Buffer =>
  hmacSha256(secret, `stream ${epoch} ${flagSetId}`)

/** Environments in the cache at most; then it is cleared. */
const CACHED_MAX = 1_000
type CachedStreams = { readonly secret: Buffer; readonly epoch: number; readonly streams: readonly EventStream[] }

/**
 * The event streams of each environment, the same object until the token changes. `origin` is that of the service with the streams; undefined:
 * this one.
 */
export function eventStreams(options: {
  readonly secret: () => Buffer | Promise<Buffer>
  readonly origin: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}): EventStreams {
  const { origin, now } = options
  const cache = new Map<string, CachedStreams>()
  const streamsOf = (secret: Buffer, flagSetId: string): readonly EventStream[] => {
    const nowMs = now()
    const epoch = epochOf(nowMs)
    const cached = cache.get(flagSetId)
    if (cached?.secret === secret && cached.epoch === epoch) return cached.streams
    const selector = encodeURIComponent(`flagSetId=${flagSetId}`)
    const requestUri = `${STREAM_PATH}${selector}?token=${streamToken(secret, flagSetId, nowMs)}`
    const endpoint = { ...(origin !== undefined && { origin }), requestUri }
    const streams: EventStream[] = [{ type: 'sse', endpoint, inactivityDelaySec: INACTIVITY_SECONDS }]
    if (cache.size >= CACHED_MAX) cache.clear()
    cache.set(flagSetId, { secret, epoch, streams })
    return streams
  }
  return (flagSetId) => {
    const secret = options.secret()
    if (!(secret instanceof Promise)) return streamsOf(secret, flagSetId)
    return secret.then(
      (read) => streamsOf(read, flagSetId),
      () => [],
    )
  }
}
