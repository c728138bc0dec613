import { timingSafeEqual } from 'node:crypto'
import { hashSecret, type KeyRingSource } from '../store/keys.ts'
import type { EnvironmentName } from '../store/revision.ts'
import type { Role } from '../store/tables.ts'
import type { Log } from './snapshots.ts'

/** Who a request comes from. `environment` is null when the caller is bound to none. */
export type Principal = {
  /** What stands in change records. */
  readonly name: string
  readonly role: Role
  readonly environment: EnvironmentName | null
}
type Held = { readonly hash: Buffer; readonly principal: Principal; readonly expiresAt: number }

/**
 * Every usable key, hashed, in memory: checking one costs no network, and a flood of wrong ones costs the database
 * one small question per `freshnessMs` at most.
 */
export class KeyRing {
  readonly #read: (since?: bigint) => Promise<KeyRingSource | undefined>
  readonly #admin: Held | undefined
  readonly #freshnessMs: number
  readonly #now: () => number
  readonly #log: Log
  #held = new Map<string, Held>()
  #revision: bigint | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  /** `adminSecret` opens everything until real keys exist. `now` is wall time in milliseconds: keys expire by it. */
  constructor(options: {
    read: (since?: bigint) => Promise<KeyRingSource | undefined>
    adminSecret: string | undefined
    freshnessMs: number
    now: () => number
    log: Log
  }) {
    this.#read = options.read
    this.#freshnessMs = options.freshnessMs
    this.#now = options.now
    this.#log = options.log
    const principal: Principal = { name: 'FLAGSTAFF_ADMIN_KEY', role: 'admin', environment: null }
    if (options.adminSecret !== undefined)
      this.#admin = { hash: hashSecret(options.adminSecret), principal, expiresAt: Number.POSITIVE_INFINITY }
  }

  /**
   * Finds whom a secret belongs to; undefined: to nobody, or not any more. A promise only for a secret that is not
   * known here and may have been created elsewhere since the last look. Rejects with `unavailable` while no key was ever read.
   */
  find(secret: string): Principal | undefined | Promise<Principal | undefined> {
    const hash = hashSecret(secret)
    const known = this.#match(hash)
    const isStale = Math.abs(this.#now() - this.#askedAt) >= this.#freshnessMs
    if (known) {
      if (isStale) this.#ask().catch(() => undefined)
      return known
    }
    if (!isStale && this.#revision !== undefined) return undefined
    return this.#lookAgain(hash)
  }

  /** Brings the keys up to date; awaited by whoever has just changed them, to read its own write. */
  async refresh(): Promise<void> {
    await this.#asking?.catch(() => undefined) // it may have been sent before the change
    await this.#ask().catch(() => undefined)
  }

  /** One question at a time: whoever comes meanwhile shares the answer. */
  #ask(): Promise<void> {
    this.#asking ??= this.#take().finally(() => {
      this.#asking = undefined
      this.#askedAt = this.#now()
    })
    return this.#asking
  }

  async #lookAgain(hash: Buffer): Promise<Principal | undefined> {
    try {
      await this.#ask()
    } catch (cause) {
      if (this.#revision === undefined) throw cause
    }
    return this.#match(hash)
  }

  /** The map finds the candidate by its hash, which an attacker cannot steer; the comparison takes the same time for all. */
  #match(hash: Buffer): Principal | undefined {
    const held = this.#held.get(hash.toString('base64')) ?? this.#admin
    if (!held || !timingSafeEqual(held.hash, hash) || held.expiresAt <= this.#now()) return undefined
    return held.principal
  }

  async #take(): Promise<void> {
    try {
      const source = await this.#read(this.#revision)
      if (!source) return
      this.#held = new Map(source.keys.map((key) => [key.hash.toString('base64'), heldOf(key)]))
      this.#revision = source.revision
    } catch (cause) {
      this.#log('Cannot refresh the keys', { cause })
      throw cause
    }
  }
}

function heldOf(key: KeyRingSource['keys'][number]): Held {
  const principal: Principal = { name: `key:${key.id}`, role: key.role, environment: key.environment }
  return { hash: key.hash, principal, expiresAt: key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY }
}
