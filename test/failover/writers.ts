import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from '../support/replicas.ts'

const WRITERS = 4
const FLAGS = '/api/v1/projects/p/environments/e/flags'
const PAUSE_MS = 40
/** Number of consecutive 200 responses that count as recovery. */
const STREAK = 2

type Answer = { readonly at: number; readonly status: number }
type Writer = { readonly flag: string; attempted: number; acknowledged: number; streak: number }

/** Writers that each increment a number in the metadata of their own flag, and record acknowledged values. */
export class Writers {
  readonly #address: string
  readonly #key: string
  readonly #writers: readonly Writer[]
  readonly #answers: Answer[] = []
  readonly #work: Promise<unknown>
  #isOver = false

  constructor(address: string, key: string, name = 'flag') {
    this.#address = address
    this.#key = key
    this.#writers = Array.from({ length: WRITERS }, (_, index) => ({
      flag: `${name}-${index}`,
      attempted: 0,
      acknowledged: 0,
      streak: 0,
    }))
    this.#work = Promise.all(this.#writers.map((writer) => this.#write(writer)))
  }

  get acknowledged(): number {
    return this.#writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
  }

  definition(count: number): object {
    return { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on', metadata: { count } }
  }

  /** The number of changes that were requested after a time (`performance.now()`), by status. */
  after(moment: number): { accepted: number; refused: number } {
    const later = this.#answers.filter(({ at }) => at > moment)
    const accepted = later.filter(({ status }) => status === 200).length
    return { accepted, refused: later.length - accepted }
  }

  /** Waits until each writer has consecutive 200 responses; rejects at `deadline`. */
  async allAccepted(deadline: number): Promise<void> {
    for (const writer of this.#writers) writer.streak = 0
    while (this.#writers.some(({ streak }) => streak < STREAK)) {
      assert.ok(performance.now() < deadline, `not healed: ${JSON.stringify(this.#answers.slice(-20))}`)
      await sleep(PAUSE_MS)
    }
  }

  /** Stops the writers, also after a failed test. */
  end(): Promise<unknown> {
    this.#isOver = true
    return this.#work
  }

  async stop(): Promise<void> {
    await this.end()
    const odd = this.#answers.filter(({ status }) => status !== 200 && status !== 503)
    assert.deepEqual(odd, [], 'a change is accepted or 503')
  }

  /** Each flag has its last acknowledged value or that of a later attempt; its newest record contains the same value. */
  async check(address: string): Promise<void> {
    for (const { flag, acknowledged, attempted } of this.#writers) {
      const get = (path: string) => request(address, this.#key, { method: 'GET', path: `${FLAGS}/${flag}${path}` })
      const count = (await get('')).body.metadata.count
      assert.ok(count >= acknowledged && count <= attempted, `${flag}: ${count}, acknowledged ${acknowledged}`)
      const { items } = (await get('/history?limit=1000')).body
      const counts: number[] = items
        .filter(({ subject }: { subject: string }) => subject === 'definition')
        .map(({ after }: { after: { metadata: { count: number } } }) => after.metadata.count)
      assert.equal(counts[0], count, `the newest record of ${flag}`)
      assert.ok(counts.includes(acknowledged), `the record of ${flag} has ${acknowledged}`)
    }
  }

  /** The status is 0 without a response, which is an error. */
  #put(flag: string, count: number): Promise<{ status: number }> {
    const change = { method: 'PUT', path: `${FLAGS}/${flag}`, body: this.definition(count) }
    return request(this.#address, this.#key, change).catch(() => ({ status: 0 }))
  }

  async #write(writer: Writer): Promise<void> {
    while (!this.#isOver) {
      writer.attempted += 1
      const count = writer.attempted
      const at = performance.now()
      const { status } = await this.#put(writer.flag, count)
      this.#answers.push({ at, status })
      if (status === 200) writer.acknowledged = count
      writer.streak = status === 200 ? writer.streak + 1 : 0
      await sleep(PAUSE_MS)
    }
  }
}
