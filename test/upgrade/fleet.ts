import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { countsAt } from '../chaos/agreement.ts'
import { Ledger } from '../chaos/ledger.ts'
import { FLAGS } from '../chaos/world.ts'
import { kill, type Running, runProgram, startService } from '../support/process.ts'
import { request } from '../support/replicas.ts'
import type { Version } from './versions.ts'

/** One replica of some version, behind an imagined load balancer that sends to it only while it serves. */
export type Member = Running & {
  readonly version: Version
  readonly index: number
  isServing: boolean
  readonly open: Set<Promise<unknown>>
}

export type Keys = { readonly adminKey: string; readonly clientKey: string }

const WARM_MS = 30_000
const PAUSE_MS = 40
/** A store that answered too late, as on a busy machine: the client gets 503 and knows that the change may not be stored. */
const LATE =
  /57014|CONNECT_TIMEOUT|CONNECTION_SILENT|CONNECTION_LOST|No reply from Redis|Cannot reach Redis|No connection to Redis|timeout/i

/** Replicas of several versions under continuous load: evaluations at each, changes through all. */
export class Fleet {
  readonly ledger = new Ledger(3)
  readonly members: Member[] = []
  readonly #env: Readonly<Record<string, string>>
  readonly #loops: Promise<void>[] = []
  #keys: Keys | undefined
  /** Acknowledged increments of the shared segment. */
  segmentChanges = 0
  /** Those that were answered with 503: they may be stored. */
  unknownSegmentChanges = 0
  #isOver = false
  #turn = 0

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env
  }

  get serving(): readonly Member[] {
    return this.members.filter(({ isServing }) => isServing)
  }

  /** Runs a one-off command of a version on the database. */
  async command(version: Version, name: string): Promise<void> {
    const program = runProgram(join(version.folder, 'src/cli.ts'), this.#env, { args: [name], cwd: version.folder })
    const { code } = await program.ended
    if (code !== 0) throw new Error(`"${name}" of ${version.name} ended with ${code}: ${program.output()}`)
  }

  /** Starts a replica, which gets its share of the load from its first correct evaluation on. */
  async add(version: Version): Promise<Member> {
    const file = join(version.folder, 'src/main.ts')
    const running = await startService(this.#env, { file, cwd: version.folder })
    const member = { ...running, version, index: this.members.length, isServing: false, open: new Set<never>() }
    this.members.push(member)
    if (this.#keys) await this.#serve(member, this.#keys)
    return member
  }

  /** Begins the load; replicas that are added later join it. */
  async load(keys: Keys): Promise<void> {
    this.#keys = keys
    for (const member of this.members) await this.#serve(member, keys)
    for (const writer of this.ledger.writers)
      this.#loops.push(
        this.#repeat(async () => {
          const count = writer.attempted + 1
          writer.attempted = count
          const body = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on', metadata: { count } }
          const path = `${FLAGS}/${writer.flag}`
          const status = await this.use((address) => request(address, keys.adminKey, { method: 'PUT', path, body }))
          if (status === 200) writer.acknowledged = count
          else if (status === 503) this.ledger.refusedWrites += 1
          else this.ledger.complain(`a change was answered with ${status}`)
        }),
      )
  }

  /** Sends one request to a serving replica; resolves to its status. */
  async use(send: (address: string, member: Member) => Promise<{ status: number }>): Promise<number> {
    const { serving } = this
    this.#turn += 1
    const member = serving[this.#turn % serving.length]
    if (!member) throw new Error('No replica is serving')
    return this.#at(member, async () => (await send(member.address, member)).status)
  }

  /** Takes a replica out of the load, and ends it by SIGTERM. */
  async remove(member: Member): Promise<void> {
    member.isServing = false
    await Promise.allSettled(member.open)
    member.child.kill('SIGTERM')
    const { code, signal } = await member.ended
    if (code !== 0) this.ledger.complain(`a replica of ${member.version.name} ended with ${code ?? signal}`)
  }

  /** Ends the load; the replicas stay. */
  async rest(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }

  async close(): Promise<void> {
    await this.rest()
    await Promise.all(this.members.filter(({ child }) => child.exitCode === null).map(kill))
  }

  /** The lines of a replica's log that are warnings or errors, without those about a store that was late. */
  complaintsOf({ output }: Member): string[] {
    return output()
      .split('\n')
      .filter((line) => /"level":"(warn|error)"/.test(line) || (line !== '' && !line.startsWith('{')))
      .filter((line) => !LATE.test(line))
  }

  async #serve(member: Member, { clientKey }: Keys): Promise<void> {
    const late = performance.now() + WARM_MS
    while (performance.now() < late && !(await countsAt(member.address, clientKey).catch(() => undefined)))
      await sleep(50)
    member.isServing = true
    this.#loops.push(
      this.#evaluate(member, async () => {
        const { epoch } = this.ledger
        for (const [flag, count] of await countsAt(member.address, clientKey))
          this.ledger.saw(member.index, flag, count, epoch)
      }),
      this.#evaluate(member, () => pollOnce(member.address, clientKey)),
    )
  }

  #evaluate(member: Member, evaluate: () => Promise<void>): Promise<void> {
    return this.#repeat(
      async () => {
        await this.#at(member, evaluate)
        this.ledger.answers += 1
      },
      () => member.isServing,
    )
  }

  async #repeat(work: () => Promise<void>, isWanted = () => true): Promise<void> {
    while (!this.#isOver && isWanted()) {
      await work().catch((error) => this.ledger.complain(`a request failed: ${String(error)} ${String(error?.cause)}`))
      await sleep(PAUSE_MS)
    }
  }

  async #at<T>(member: Member, work: () => Promise<T>): Promise<T> {
    const done = work()
    member.open.add(done)
    return done.finally(() => member.open.delete(done))
  }
}

/** A single evaluation, and a bulk evaluation whose ETag is sent again. */
async function pollOnce(address: string, clientKey: string): Promise<void> {
  const post = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${address}/ofrep/v1/evaluate/flags${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${clientKey}`, 'content-type': 'application/json', ...headers },
      body: '{}',
    })
  const first = await post('')
  await first.arrayBuffer()
  const etag = first.headers.get('etag') ?? ''
  const again = await post('', { 'if-none-match': etag })
  await again.arrayBuffer()
  const single = await post('/flag-0')
  const { value } = (await single.json()) as { value?: unknown }
  const statuses = [first.status, again.status, single.status].join(' ')
  if (!/^200 (200|304) 200$/.test(statuses) || value !== true) throw new Error(`evaluations ended with ${statuses}`)
}
