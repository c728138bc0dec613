import assert from 'node:assert/strict'
import { type Random, randomFrom } from '../support/random.ts'

/** A part of the service that gets generated inputs. */
export type Target = {
  readonly name: string
  /** Its part of all inputs, from 0 to 1. */
  readonly share: number
  /** Inputs in progress at once: 1 for what runs in this process. */
  readonly atOnce: number
  /** Sends one input and throws if the result breaks a promise. `note` gets the input, to show with a failure. */
  readonly run: (random: Random, note: (input: unknown) => void) => Outcome | Promise<Outcome>
}
/** What became of an input, such as a status: shows whether inputs reach what they are for. */
export type Outcome = string | number
/** `number` and the seed identify the input. */
export type Fault = { readonly target: string; readonly number: number; readonly input: string; readonly error: string }
export type FuzzOptions = {
  readonly inputs: number
  readonly seed: number
  /** Runs the input with this number of each target alone. */
  readonly only?: number | undefined
}
export type Figures = {
  readonly name: string
  readonly inputs: number
  readonly seconds: number
  /** Inputs by outcome. */
  readonly outcomes: ReadonlyMap<Outcome, number>
}

/** An input that takes longer than this hangs. Some inputs are large, and the machine may be busy. */
const HANG_MS = 20_000
const FAULTS_MAX = 5
const SHOWN = 3_000

/** Runs the inputs of a target; stops after a few faults. */
export async function fuzz(
  target: Target,
  { inputs, seed, only }: FuzzOptions,
): Promise<{ readonly figures: Figures; readonly faults: readonly Fault[] }> {
  const faults: Fault[] = []
  const outcomes = new Map<Outcome, number>()
  const start = performance.now()
  const last = only === undefined ? Math.ceil(inputs * target.share) : only + 1
  let next = only ?? 0
  const work = async () => {
    while (next < last && faults.length < FAULTS_MAX) {
      const number = next++
      const result = await one(target, number, seed)
      if (typeof result === 'object') faults.push(result)
      else outcomes.set(result, (outcomes.get(result) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: target.atOnce }, work))
  const seconds = (performance.now() - start) / 1_000
  return { figures: { name: target.name, inputs: next - (only ?? 0), seconds, outcomes }, faults }
}

async function one({ name, run }: Target, number: number, seed: number): Promise<Fault | Outcome> {
  let input: unknown
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca77))
  const start = performance.now()
  try {
    const running = run(random, (given) => {
      input = given
    })
    const outcome = running instanceof Promise ? await running : running
    assert.ok(performance.now() - start < HANG_MS, `takes ${performance.now() - start} ms`)
    return outcome
  } catch (error) {
    const shown = (JSON.stringify(input) ?? '').slice(0, SHOWN)
    return {
      target: name,
      number,
      input: shown,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }
  }
}

/** Checks a problem document of a 4xx: it has the status and code of the response, and names what is wrong. */
export function assertProblem(status: number, type: string | null, text: string, body?: unknown): void {
  assert.equal(type, 'application/problem+json', text)
  const problem = JSON.parse(text)
  assert.equal(problem.status, status)
  assert.match(problem.code, /^[a-z_]+$/)
  assert.match(problem.traceId, /^[\da-f]{32}$/)
  assert.ok(problem.detail.length > 5 && !/undefined|\[object|\bat \S+:\d+/.test(problem.detail), problem.detail)
  for (const { pointer, detail } of problem.errors ?? []) {
    assert.ok(detail.length > 5, text)
    assert.ok(pointer === '' || pointer.startsWith('/'), text)
    if (body !== undefined)
      assert.ok(isPlaceIn(body, pointer), `${pointer} is no place in ${JSON.stringify(body)?.slice(0, SHOWN)}: ${text}`)
  }
}

/** Whether a JSON Pointer leads to a value, or to a member that is missing in an object that is there. */
export function isPlaceIn(value: unknown, pointer: string): boolean {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  let at = value
  for (const [index, step] of steps.entries()) {
    if (typeof at !== 'object' || at === null) return false
    if (!Object.hasOwn(at, step)) return index === steps.length - 1
    at = (at as Record<string, unknown>)[step]
  }
  return true
}
