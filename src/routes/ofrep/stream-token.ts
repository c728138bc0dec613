import { hmacSha256, isEqualInTime } from '../../repository/digest.ts'

/** What a bulk answer says about the stream that tells of changes (OFREP ADR-0008). */
export type EventStream = {
  readonly type: 'sse'
  readonly endpoint: { readonly origin?: string; readonly requestUri: string }
  readonly inactivityDelaySec: number
}
/** The streams of an environment; none while the secret could not be read. */
export type EventStreams = (flagSetId: string) => readonly EventStream[] | Promise<readonly EventStream[]>

export const STREAM_PATH = '/ofrep/v1/sse/'
/** A page that is hidden for so long hangs up. */
const INACTIVITY_SECONDS = 120
/**
 * Tokens change this often, all at once, and are good for twice as long: an answer and its ETag stay the same in between, and an
 * address that a browser kept for as long as OpenFeature's web provider keeps answers (30 days) still works.
 */
const EPOCH_MS = 30 * 24 * 3_600_000
const TOKEN = /^(\d{1,6})\.([\w-]{43})$/

/**
 * A token that opens the event stream of one environment and nothing else. It stands in an address, because the EventSource
 * of a browser sends no headers; `nowMs` is since 1970.
 */
export function streamToken(secret: Buffer, flagSetId: string, nowMs: number): string {
  const epoch = epochOf(nowMs)
  return `${epoch}.${mac(secret, flagSetId, epoch).toString('base64url')}`
}

/** True for a token of this environment that has not expired. Takes the same time for all that look like one. */
export function isStreamToken(token: string, of: { secret: Buffer; flagSetId: string; nowMs: number }): boolean {
  const [, epoch, given = ''] = TOKEN.exec(token) ?? []
  if (epoch === undefined) return false
  const isGenuine = isEqualInTime(Buffer.from(given, 'base64url'), mac(of.secret, of.flagSetId, Number(epoch)))
  const age = epochOf(of.nowMs) - Number(epoch)
  return isGenuine && (age === 0 || age === 1)
}

const epochOf = (nowMs: number): number => Math.floor(nowMs / EPOCH_MS)

const mac = (secret: Buffer, flagSetId: string, epoch: number): Buffer =>
  hmacSha256(secret, `stream ${epoch} ${flagSetId}`)

/** Environments whose streams are kept at most; then all are named anew. */
const KEPT_MAX = 1_000
type Kept = { readonly secret: Buffer; readonly epoch: number; readonly streams: readonly EventStream[] }

/** Names the event stream of each environment, by the same object until the token is another. `origin` is that of the service that has the streams; undefined: this one. */
export function eventStreams(options: {
  readonly secret: () => Buffer | Promise<Buffer>
  readonly origin: string | undefined
  /** Milliseconds since 1970. */
  readonly now: () => number
}): EventStreams {
  const { origin, now } = options
  const kept = new Map<string, Kept>()
  const streamsOf = (secret: Buffer, flagSetId: string): readonly EventStream[] => {
    const nowMs = now()
    const epoch = epochOf(nowMs)
    const known = kept.get(flagSetId)
    if (known?.secret === secret && known.epoch === epoch) return known.streams
    const selector = encodeURIComponent(`flagSetId=${flagSetId}`)
    const requestUri = `${STREAM_PATH}${selector}?token=${streamToken(secret, flagSetId, nowMs)}`
    const endpoint = { ...(origin !== undefined && { origin }), requestUri }
    const streams: EventStream[] = [{ type: 'sse', endpoint, inactivityDelaySec: INACTIVITY_SECONDS }]
    if (kept.size >= KEPT_MAX) kept.clear()
    kept.set(flagSetId, { secret, epoch, streams })
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
