import { sha256, sha256Bytes } from '../../repository/digest.ts'
import type { RevisionId } from '../../repository/redis/snapshot-store.ts'

/** One entity tag of a list: quoted, with any commas inside, or without quotes as some clients send it. */
const TAG = /(?:W\/)?"[^"]*"|[^\s,"]+/g

/** A part of a response body, with the first 128 bits of its SHA-256. */
export type HashedText = { readonly text: string; readonly digest: Int32Array }

export function hashedText(text: string): HashedText {
  const digest = sha256Bytes(text)
  return { text, digest: Int32Array.of(...LANES.map((lane) => digest.readInt32LE(lane * 4))) }
}

const LANES = [0, 1, 2, 3]
/** Odd, so that no bit of a digest is lost; different, so that the lanes mix differently. */
const [A, B, C, D] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const

/**
 * The strong ETag of a body of these parts. It depends on their texts and order, because the same flags have other values for another context
 * or time. Parts are hashed when they are made. A request combines 128 bits of each by a polynomial in each of four lanes: 5 ns for a part,
 * where hashing its text again takes 80.
 */
export function etagOf(parts: readonly HashedText[]): string {
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  for (const { digest } of parts) {
    a = (Math.imul(a, A) + (digest[0] ?? 0)) | 0
    b = (Math.imul(b, B) + (digest[1] ?? 0)) | 0
    c = (Math.imul(c, C) + (digest[2] ?? 0)) | 0
    d = (Math.imul(d, D) + (digest[3] ?? 0)) | 0
  }
  return `"${[a, b, c, d].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('')}"`
}

/** Identifies the revision of a configuration: equal on all replicas, different after each change. */
export function fingerprintOf({ incarnation, revision }: RevisionId): string {
  return sha256(`${incarnation} ${revision}`, 'base64url').slice(0, 22)
}

/** True when If-None-Match (RFC 9110 §13.1.2) names `etag`. Compares weakly; a tag without quotes counts as quoted. */
export function matchesEtag(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch === etag) return true // the usual form
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.match(TAG)?.some((tag) => opaque(tag) === opaque(etag)) ?? false
}

const opaque = (tag: string): string => tag.replace(/^W\//, '').replaceAll('"', '')

const CONFIG_ETAG = 'flagConfigEtag'

/** True when the query names the fingerprint of another configuration, of which an event informed the client: its cached values are stale. */
export function isStaleFor(url: string, stamp: RevisionId): boolean {
  if (!url.includes(CONFIG_ETAG)) return false
  const fingerprint = new URL(url).searchParams.get(CONFIG_ETAG)
  return fingerprint !== null && fingerprint !== fingerprintOf(stamp)
}
