import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Answer, Case, Mode } from './cases.ts'

/** The only argument of a program, as JSON. */
export type Config = {
  readonly mode: Mode
  readonly host: string
  readonly port: number
  /** PEM file of the authority that signed the certificate of the service; absent: cleartext. */
  readonly certificate?: string | undefined
  /** True if the provider may use its cache. */
  readonly cache: boolean
  /** The key of each environment by name; a case names one of them. */
  readonly environments: Readonly<Record<string, string>>
}
export type Timed = Answer & { readonly id: number; readonly message?: string; readonly ms: number }
export type ProviderEvent = {
  readonly event: 'STARTED' | 'READY' | 'STALE' | 'ERROR' | 'CONFIGURATION_CHANGED'
  readonly environment?: string
  readonly flags?: readonly string[] | null
}
type Question = Omit<Case, 'expected' | 'origin'>

const START_MS = 60_000
const ANSWER_MS = 60_000

/** A running program with a published provider: it reads cases and writes answers and events, as lines of JSON. */
export class ProviderProgram {
  readonly events: ProviderEvent[] = []
  readonly #child: ChildProcess
  readonly #answers = new Map<number, (answer: Timed) => void>()
  #output = ''
  #wake = (): void => undefined
  #hasEnded = false

  constructor(command: readonly string[], config: Config, prefix: readonly string[] = []) {
    const [program = '', ...args] = [...prefix, ...command, JSON.stringify(config)]
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stdin?.on('error', () => undefined) // it has ended, which is reported below
    this.#child.stderr?.on('data', (chunk) => {
      this.#output += chunk
    })
    if (this.#child.stdout) createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line))
    this.#child.on('close', () => {
      this.#hasEnded = true
      this.#wake()
    })
  }

  async started(): Promise<void> {
    await this.event(({ event }) => event === 'STARTED', START_MS)
  }

  /** Waits for the first event of this kind from position `from` on. */
  async event(isWanted: (event: ProviderEvent) => boolean, ms: number, from = 0): Promise<ProviderEvent> {
    const late = performance.now() + ms
    for (;;) {
      const found = this.events.slice(from).find(isWanted)
      if (found) return found
      const left = late - performance.now()
      if (this.#hasEnded) throw new Error(`The program ended; ${this.#log()}`)
      if (left <= 0) throw new Error(`No event as in ${isWanted} within ${ms} ms; ${this.#log()}`)
      await this.#woken(left)
    }
  }

  /** Sends all cases at once; the program evaluates them sequentially. */
  async evaluate(questions: readonly Question[]): Promise<Timed[]> {
    const answers: Timed[] = []
    for (const question of questions) this.#answers.set(question.id, (answer) => void answers.push(answer))
    this.#child.stdin?.write(questions.map((question) => `${JSON.stringify(question)}\n`).join(''))
    const late = performance.now() + ANSWER_MS
    while (answers.length < questions.length) {
      const left = late - performance.now()
      if (left <= 0 || this.#hasEnded)
        throw new Error(`${answers.length} answers to ${questions.length} cases; ${this.#log()}`)
      await this.#woken(left)
    }
    return answers
  }

  async close(): Promise<void> {
    if (this.#hasEnded) return
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await closed
  }

  #take(line: string): void {
    const message = line.startsWith('{') ? (JSON.parse(line) as Timed | ProviderEvent) : undefined
    if (!message) this.#output += `${line}\n`
    else if ('event' in message) this.events.push(message)
    else this.#answers.get(message.id)?.(message)
    this.#wake()
  }

  #log(): string {
    return `events ${JSON.stringify(this.events.slice(-10))}; output: ${this.#output.slice(-4_000)}`
  }

  async #woken(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, ms)
    await promise
    clearTimeout(timer)
  }
}
