import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { withConformance } from '../support/conformance.ts'
import { RUNTIME } from '../support/process.ts'
import { LANGUAGES, type Language, programOf } from './build.ts'
import { type Answer, type Bucketing, type Case, isFor, type Mode, makeCases } from './cases.ts'
import { KNOWN, type Known } from './known.ts'
import type { Timed } from './program.ts'
import { openWorld, type World } from './world.ts'

const MODES: readonly Mode[] = ['ofrep', 'rpc', 'in-process']
/** The bucketing of each provider in process. */
const OWN_BUCKETING: Readonly<Record<Language, Bucketing>> = {
  python: 'v3',
  go: 'v2',
  java: 'v1',
  rust: 'v3',
  javascript: 'v2',
}
/** A provider that retries after an error takes at least half a second. */
const ANSWER_MS = 200
const ROUNDS = 3
/** Least number of cases of the published test bed, without the error cases. */
const TESTBED_CASES_MIN = 732
const FAULTS_SHOWN = 40

withConformance('published providers of several languages', () => {
  const cases = makeCases()
  let world: World

  before(async () => {
    world = await openWorld()
  })
  after(() => world.close())

  for (const language of LANGUAGES)
    describe(`${language}, service on ${RUNTIME}`, () => {
      const built = programOf(language)
      for (const mode of MODES)
        if ('missing' in built) leftOut(language, mode, built.missing)
        else
          test(mode, async () => {
            const program = await world.start({ language, mode, command: built.command })
            const wanted = cases.filter((one) => isFor(one, mode, OWN_BUCKETING[language]))
            assert.ok(wanted.filter(({ environment }) => environment !== 'errors').length >= TESTBED_CASES_MIN)
            await program.evaluate(firstOfEach(wanted))
            const answers = await settled(wanted, (some) => program.evaluate(some))
            await program.close()
            report(language, mode, wanted, answers)
          })
    })
})

function leftOut(language: Language, mode: Mode, missing: string): void {
  process.stderr.write(`LEFT OUT: the provider of ${language}, ${mode}: ${missing}\n`)
  test(mode, { skip: `left out: ${missing}` }, () => undefined)
}

/** One case of each environment and type, to open connections and compile code. */
function firstOfEach(cases: readonly Case[]): Case[] {
  return [...new Map(cases.map((one) => [`${one.environment} ${one.type}`, one])).values()]
}

/** Late cases are repeated: on a busy machine a case may be late by chance, but not each time. */
async function settled(
  cases: readonly Case[],
  evaluate: (cases: readonly Case[]) => Promise<Timed[]>,
): Promise<Map<number, Timed>> {
  const answers = new Map<number, Timed>()
  let open = cases
  for (let round = 0; round < ROUNDS && open.length > 0; round += 1) {
    for (const answer of await evaluate(open)) answers.set(answer.id, answer)
    open = open.filter((one) => isLate(one, answers.get(one.id)))
  }
  return answers
}

function report(language: Language, mode: Mode, cases: readonly Case[], answers: ReadonlyMap<number, Timed>): void {
  const known = KNOWN.filter((one) => one.language === language && one.modes.includes(mode))
  const shown = new Set<Known>()
  const faults = cases.flatMap((one) => {
    const answer = answers.get(one.id)
    const entry = known.find((entry) => entry.cases(one))
    const fault = entry ? unlike(entry, one, answer) : complain(one.expected, answer)
    if (entry && complain(one.expected, answer)) shown.add(entry)
    return [fault, isLate(one, answer) && 'late'].flatMap((fault) => (fault ? [worded(fault, one, answer)] : []))
  })
  const slowest = Math.max(...[...answers.values()].map(({ ms }) => ms))
  const defects = `${shown.size} known defects of it`
  process.stdout.write(
    `${language} ${mode} (${RUNTIME}): ${cases.length} cases, ${faults.length} faults, ${defects}, slowest ${slowest.toFixed(0)} ms\n`,
  )
  for (const { why } of known.filter((entry) => !shown.has(entry))) faults.push(`no case shows this any more: ${why}`)
  assert.ok(faults.length === 0, `${faults.length} faults:\n${faults.slice(0, FAULTS_SHOWN).join('\n')}`)
}

const worded = (fault: string, { id, key, type, context, origin, expected }: Case, answer: Timed | undefined): string =>
  `${fault}: ${key} (${type}) ${JSON.stringify(context).slice(0, 200)}: ${JSON.stringify(expected)}, not ${JSON.stringify(answer)}: ${id} ${origin}`

function complain({ value, variant, reason, error }: Answer, answer: Timed | undefined): string | undefined {
  if (!answer) return 'no answer'
  if (!isDeepStrictEqual(answer.value, value)) return 'wrong value'
  if (variant !== undefined && (answer.variant || null) !== variant) return 'wrong variant'
  if (reason !== undefined && answer.reason !== reason) return 'wrong reason'
  return error === undefined || (answer.error || null) === error ? undefined : 'wrong error'
}

/** Not checked for messages that are too long; Java's client sends them three times, because RESOURCE_EXHAUSTED may be retried. */
const isLate = ({ isRemote }: Case, answer: Timed | undefined): boolean =>
  !isRemote && answer !== undefined && answer.ms > ANSWER_MS

/** A known defect must still exist, as the table describes it. */
function unlike({ instead, isSometimesRight }: Known, one: Case, answer: Timed | undefined) {
  if (!complain(one.expected, answer)) return isSometimesRight ? undefined : 'a known defect is gone'
  return instead && complain({ ...one.expected, ...instead(one) }, answer) && 'not the known defect'
}
