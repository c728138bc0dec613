import { isText, NAME_LENGTH_MAX } from '../flag/definition.ts'
import type { MissedFlag } from '../repository/postgres/usage.ts'

/** Most keys without a flag that are counted until the next flush; further ones are not counted. */
const MISSED_MAX = 1_000

/** Evaluations of keys without a flag: some are those of archived flags. Clients choose the keys, so their number is bounded. */
export class MissedFlags {
  #missed = new Map<string, MissedFlag>()

  /** Counts one evaluation at `now` (unix seconds). */
  count({ environmentId, flag }: Pick<MissedFlag, 'environmentId' | 'flag'>, now: number): void {
    const name = `${environmentId}/${flag}`
    const current = this.#missed.get(name)
    if (!current && (this.#missed.size >= MISSED_MAX || flag.length > NAME_LENGTH_MAX || !isText(flag))) return
    this.#missed.set(name, { environmentId, flag, count: (current?.count ?? 0) + 1, lastAt: now })
  }

  /** Removes and returns the counts, in the order of environments and keys, in which all writers lock rows. */
  take(): MissedFlag[] {
    const missed = [...this.#missed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, counter]) => counter)
    this.#missed = new Map()
    return missed
  }
}
