import { randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'
import type { Definition, SegmentRules } from '../../../flag/definition.ts'
import type { Mistake } from '../../../flag/error.ts'
import { settlePlan } from '../../../flag/plan/pair.ts'
import type { Transaction } from '../database.ts'

type Settlement<T> = {
  /** With the rules of their plans. Those with mistakes are as they were. */
  readonly definitions: ReadonlyMap<string, T>
  /** By key. */
  readonly mistakes: ReadonlyMap<string, readonly Mistake[]>
}

type SettleSource = {
  readonly stored: (key: string) => Definition | undefined
  /** The segments that the definitions are stored with. */
  readonly segments: SegmentRules
  /** JSON Pointer to a key's definition in the caller's document. */
  readonly pointer: (key: string) => string
  /** See `PairSource`. */
  readonly now?: number | undefined
}

/** Makes the rules of definitions with plans from their plans. A second time changes nothing. */
export function settleDefinitions<T extends Definition | undefined>(
  definitions: ReadonlyMap<string, T>,
  { stored, segments, pointer, now }: SettleSource,
): Settlement<T | Definition> {
  const mistakes = new Map<string, readonly Mistake[]>()
  const settled = new Map<string, T | Definition>()
  for (const [key, definition] of definitions) {
    settled.set(key, definition)
    if (definition === undefined || !Object.hasOwn(definition, 'flagstaff')) continue
    const source = { before: stored(key), segments, pointer: pointer(key), now, newSalt: () => newSalt(key) }
    const pair = settlePlan(definition, source)
    if (pair.mistakes.length > 0) mistakes.set(key, pair.mistakes)
    else settled.set(key, pair.definition)
  }
  return { definitions: settled, mistakes }
}

const SALT_BYTES = 6

/** A salt for a new rollout of a flag: it distributes people anew. */
export const newSalt = (key: string): string => `r:${key}:${randomBytes(SALT_BYTES).toString('base64url')}`

/** The second of the database's clock, which all replicas share. */
export async function currentSecond(tx: Transaction): Promise<number> {
  const { rows } = await tx.execute<{ second: string }>(
    sql`select floor(extract(epoch from clock_timestamp()))::bigint::text as second`,
  )
  return Number(rows[0]?.second)
}
