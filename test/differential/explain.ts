import { BATCH, type Case, compareBatch, type Engine } from './compare.ts'
import { DIFFERENCES, type Difference, type DifferenceName } from './differences.ts'
import { trace } from './trace.ts'

/** The result of a run over many cases. */
export type Report = {
  readonly cases: number
  readonly differences: number
  /** The number of cases for each known difference. */
  readonly known: ReadonlyMap<DifferenceName, number>
  readonly unexplained: readonly Case[]
}

/** One of this many batches is interpreted. */
const INTERPRETED_EVERY = 4
/** Maximum number of differences that are reported. */
const UNEXPLAINED_MAX = 20

/** Compares `rules` generated rules, each in two contexts. */
export function run(rules: number): Report {
  const known = new Map<DifferenceName, number>()
  const unexplained: Case[] = []
  let cases = 0
  let differences = 0
  for (let seed = 0; seed < rules; seed += BATCH)
    for (const one of compareBatch(seed, engineFor(seed))) {
      cases += 1
      if (one.ours === one.theirs) continue
      differences += 1
      const names = explanations(one)
      for (const name of names) known.set(name, (known.get(name) ?? 0) + 1)
      if (names.length === 0 && unexplained.length < UNEXPLAINED_MAX) unexplained.push(one)
    }
  return { cases, differences, known, unexplained }
}

const engineFor = (seed: number): Engine => ((seed / BATCH) % INTERPRETED_EVERY === 0 ? 'interpreted' : 'compiled')

/** The known differences that occur in the evaluation; none if all of them make flagd-core fail, and it does not. */
export function explanations({ targeting, context, seed, now, theirs }: Case): readonly DifferenceName[] {
  const names = [...trace(targeting, { context, flagKey: `flag-${seed}`, now })]
  const onlyFail = names.every((name) => (DIFFERENCES[name] as Difference).fails)
  return onlyFail && theirs !== 'GENERAL' && theirs !== 'PARSE_ERROR' ? [] : names
}
