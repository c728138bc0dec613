import type { Context } from 'hono'
import type { Expected } from '../../repository/postgres/revision.ts'

const REVISION_TAG = /"(\d{1,19})"/g

/**
 * Reads If-Match and If-None-Match (RFC 9110 §13.1). Tags of ours are quoted revisions; any other tag matches nothing,
 * and so does a weak one, because If-Match compares strongly.
 */
export function expectedBy(c: Context): Expected {
  if (c.req.header('if-none-match')?.trim() === '*') return 'absent'
  const header = c.req.header('if-match')
  if (header === undefined) return undefined
  if (header.trim() === '*') return 'present'
  return [...header.replaceAll(/W\/"[^"]*"/g, '').matchAll(REVISION_TAG)].map((match) => BigInt(match[1] ?? 0))
}

/** The ETag of something at a revision. */
export const tagOf = (revision: bigint): string => `"${revision}"`
