import * as v from 'valibot'
import { lineOf } from '../flag/flag-map.ts'
import { compileSerialized } from '../flag/flag-set.ts'
import type { Copy } from '../repository/redis/snapshot-store.ts'
import type { Snapshot } from './snapshot.ts'

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

const Head = v.object({
  id: v.pipe(v.string(), v.digits()),
  changedAt: v.pipe(v.string(), v.isoTimestamp()),
  changedIn: v.string(),
  bucketing: v.picklist(['v1', 'v2', 'v3']),
  segments: v.custom<Record<string, unknown>>(isObject),
  metadata: v.custom<Record<string, string>>(isObject),
  flags: v.number(),
})
/**
 * A snapshot as text for other replicas: its definitions, since compiled rules are closures. One line about the set and how many flags
 * it has, then one for each flag.
 */
export function writeSnapshot({ id, changedAt, changedIn, flagSet }: Snapshot): string {
  const { bucketing, segments, metadata, flags } = flagSet
  const head = { id: String(id), changedAt, changedIn, bucketing, segments, metadata, flags: flags.size }
  const lines = [JSON.stringify(head)]
  for (const flag of flags.values()) lines.push(lineOf(flag))
  return lines.join('')
}

/**
 * The snapshot that `writeSnapshot` wrote; undefined when it was not that, as by a replica of another version. The text of its flags is
 * left as it is, since who has just started is asked for few of them: to read a thousand takes longer than to answer.
 */
export function readSnapshot(flagSetId: string, { stamp, text }: Copy): Snapshot | undefined {
  const end = text.indexOf('\n')
  const [first, lines] = end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end)]
  const head = v.safeParse(v.pipe(v.string(), v.parseJson(), Head), first)
  if (!head.success) return undefined
  const { id, changedAt, changedIn, flags: size, ...settings } = head.output
  const version = { flagSetId, ...stamp, id: BigInt(id), changedAt: new Date(changedAt), changedIn }
  return { ...version, flagSet: compileSerialized({ lines, size }, settings) }
}
