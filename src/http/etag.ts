import { createHash } from 'node:crypto'
import type { Stamp } from '../store/copies.ts'

/** One entity tag of a list: quoted, where commas are part of it, or bare, as some clients send it. */
const TAG = /(?:W\/)?"[^"]*"|[^\s,"]+/g

/** The strong ETag of an answer: a hash of the body, because the same flags answer differently by context and clock. */
export function etagOf(body: string): string {
  return `"${createHash('sha256').update(body).digest('hex')}"`
}

/** Names the state that a configuration is in: equal on all replicas, and another one after each change. */
export function fingerprintOf({ incarnation, revision }: Stamp): string {
  return createHash('sha256').update(`${incarnation} ${revision}`).digest('base64url').slice(0, 22)
}

/** True when If-None-Match (RFC 9110 §13.1.2) says that the client has `etag`. Compares weakly; a bare tag counts as quoted. */
export function isHeld(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.match(TAG)?.some((tag) => opaque(tag) === opaque(etag)) ?? false
}

const opaque = (tag: string): string => tag.replace(/^W\//, '').replaceAll('"', '')
