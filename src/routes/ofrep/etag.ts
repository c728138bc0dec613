import { sha256, sha256Bytes } from '../../repository/digest.ts'
import type { Stamp } from '../../repository/redis/snapshot-store.ts'

/** One entity tag of a list: quoted, where commas are part of it, or bare, as some clients send it. */
const TAG = /(?:W\/)?"[^"]*"|[^\s,"]+/g

/** A part of an answer, with the first 128 bits of its SHA-256. */
export type Written = { readonly text: string; readonly digest: Int32Array }

/** Makes a part. */
export function writtenOf(text: string): Written {
  const digest = sha256Bytes(text)
  return { text, digest: Int32Array.of(...LANES.map((lane) => digest.readInt32LE(lane * 4))) }
}

const LANES = [0, 1, 2, 3]
/** Odd, so that no bit of a digest is lost, and each another, so that the lanes mix differently. */
const [A, B, C, D] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const

/**
 * The strong ETag of an answer of these parts: a function of their texts and their order, because the same flags answer differently by
 * context and clock. Parts are hashed when they are made; a request folds 128 bits of each (a polynomial in each of four
 * lanes), some 5 ns for a part where hashing its text again would take 80.
 */
export function etagOf(parts: readonly Written[]): string {
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

/** Names the state that a configuration is in: equal on all replicas, and another one after each change. */
export function fingerprintOf({ incarnation, revision }: Stamp): string {
  return sha256(`${incarnation} ${revision}`, 'base64url').slice(0, 22)
}

/** True when If-None-Match (RFC 9110 §13.1.2) says that the client has `etag`. Compares weakly; a bare tag counts as quoted. */
export function isHeld(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch === etag) return true // as nearly everybody writes it
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.match(TAG)?.some((tag) => opaque(tag) === opaque(etag)) ?? false
}

const opaque = (tag: string): string => tag.replace(/^W\//, '').replaceAll('"', '')
