/** Each writer increments a number in the metadata of its own flag. */
export type Writer = { readonly flag: string; attempted: number; acknowledged: number }

/** The acknowledged changes, and the violations that were observed. */
export class Ledger {
  readonly writers: readonly Writer[]
  /** Restores so far: the response to a request before a restore may be older than an earlier response. */
  epoch = 0
  answers = 0
  refusedWrites = 0
  readonly #complaints = new Map<string, number>()
  readonly #seen = new Map<string, { count: number; restores: number }>()

  constructor(writers: number) {
    this.writers = Array.from({ length: writers }, (_, index) => ({
      flag: `flag-${index}`,
      attempted: 0,
      acknowledged: 0,
    }))
  }

  get acknowledged(): number {
    return this.writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
  }

  get complaints(): readonly string[] {
    return [...this.#complaints].map(([text, times]) => `${text} (${times} times)`)
  }

  complain(text: string): void {
    this.#complaints.set(text, (this.#complaints.get(text) ?? 0) + 1)
  }

  /** A response of a replica: a count decreases at most once for each restore. */
  saw(replica: number, flag: string, count: number, epoch: number): void {
    const name = `${replica} ${flag}`
    const before = this.#seen.get(name) ?? { count: 0, restores: 0 }
    const wentBack = count < before.count
    if (wentBack && before.restores >= epoch)
      this.complain(`replica ${replica} went back from ${before.count} to ${count} on ${flag}`)
    this.#seen.set(name, { count, restores: wentBack ? epoch : before.restores })
  }

  /** Resets the acknowledged changes to those of the backup. */
  rewind(acknowledged: ReadonlyMap<string, number>): void {
    this.epoch += 1
    for (const writer of this.writers) writer.acknowledged = acknowledged.get(writer.flag) ?? 0
  }

  state(): ReadonlyMap<string, number> {
    return new Map(this.writers.map(({ flag, acknowledged }) => [flag, acknowledged]))
  }
}
