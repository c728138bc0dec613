import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Answer, Case, Mode } from './cases.ts'

/** What a program is given as its only argument. */
export type Config = {
  readonly mode: Mode
  readonly host: string
  readonly port: number
  /** PEM file of the authority that signed the certificate of the service; absent: cleartext. */
  readonly certificate?: string | undefined
  /** True when answers may come from the provider's own cache. */
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

/** One program at work with a published provider: cases go in as lines of JSON, answers and events come out so. */
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
    this.#child.stdin?.on('error', () => undefined) // it has ended, which is said below
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
      if (this.#hasEnded) throw new Error(`It ended; ${this.#said()}`)
      if (left <= 0) throw new Error(`No event as in ${isWanted} within ${ms} ms; ${this.#said()}`)
      await this.#woken(left)
    }
  }

  /** Asks all at once; the program answers one after the other. */
  async ask(questions: readonly Question[]): Promise<Timed[]> {
    const answers: Timed[] = []
    for (const question of questions) this.#answers.set(question.id, (answer) => void answers.push(answer))
    this.#child.stdin?.write(questions.map((question) => `${JSON.stringify(question)}\n`).join(''))
    const late = performance.now() + ANSWER_MS
    while (answers.length < questions.length) {
      const left = late - performance.now()
      if (left <= 0 || this.#hasEnded)
        throw new Error(`${answers.length} answers to ${questions.length} cases; ${this.#said()}`)
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

  #said(): string {
    return `events ${JSON.stringify(this.events.slice(-10))}; it said: ${this.#output.slice(-4_000)}`
  }

  async #woken(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = setTimeout(resolve, ms)
    await promise
    clearTimeout(timer)
  }
}
