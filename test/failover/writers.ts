import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from '../support/replicas.ts'

const WRITERS = 4
const FLAGS = '/api/v1/projects/p/environments/e/flags'
const PAUSE_MS = 40
/** As many answers as must be 200, one after the other, before all is well. */
const STREAK = 2

type Answer = { readonly at: number; readonly status: number }
type Writer = { readonly flag: string; attempted: number; acknowledged: number; streak: number }

/** Writers that each count up in the metadata of a flag of their own, and remember what was acknowledged. */
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

  /** Changes that were asked for after a moment (`performance.now()`), by their answer. */
  after(moment: number): { accepted: number; refused: number } {
    const later = this.#answers.filter(({ at }) => at > moment)
    const accepted = later.filter(({ status }) => status === 200).length
    return { accepted, refused: later.length - accepted }
  }

  /** Waits until each writer is answered 200, and again; rejects at `deadline`. */
  async allAccepted(deadline: number): Promise<void> {
    for (const writer of this.#writers) writer.streak = 0
    while (this.#writers.some(({ streak }) => streak < STREAK)) {
      assert.ok(performance.now() < deadline, `not healed: ${JSON.stringify(this.#answers.slice(-20))}`)
      await sleep(PAUSE_MS)
    }
  }

  /** Ends the work, also of a test that failed. */
  end(): Promise<unknown> {
    this.#isOver = true
    return this.#work
  }

  async stop(): Promise<void> {
    await this.end()
    const odd = this.#answers.filter(({ status }) => status !== 200 && status !== 503)
    assert.deepEqual(odd, [], 'a change is accepted or 503')
  }

  /** What was acknowledged stands, or something that was tried after it; the newest record of a flag says what the flag says. */
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

  /** Without an answer at all, which is a mistake, the status is 0. */
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
