/**
 * The evaluator compared with @openfeature/flagd-core (compiled rules), and bucketing v3 with v2, in one process on one core.
 * `--json` prints figures instead of a table; `--check` exits with 1 and names the goals that are missed.
 */
import { argv, exit, stderr, stdout } from 'node:process'
import { FlagdCore } from '@openfeature/flagd-core'
import { checkDefinition, checkSegments } from '../src/flag/check/definition.ts'
import { readDocument } from '../src/flag/check/document.ts'
import type { Bucketing, Definition } from '../src/flag/definition.ts'
import { evaluateKey } from '../src/flag/evaluate.ts'
import { compileFlagSet, type FlagSet, patchFlagSet } from '../src/flag/flag-set.ts'
import { CONTEXTS, EVALUATIONS, type EvaluationCase, FLAG_COUNT, FLAGS, largeDocument } from './cases.ts'
import { type Comparison, compareLong, compareShort, median, timed } from './compare.ts'
import { describeMachine, type Machine } from './machine.ts'

const SILENT = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined }

/** As a replica loads a set: the definitions were checked when they were saved. */
function load(text: string, bucketing: Bucketing = 'v2'): FlagSet {
  const { flags, $evaluators: segments } = JSON.parse(text) as ReturnType<typeof largeDocument>
  return compileFlagSet({ flags: new Map(Object.entries(flags)), segments, metadata: {}, bucketing })
}

/** As a strict save of the whole document. */
function loadChecked(text: string): FlagSet {
  const { source, mistakes } = readDocument(JSON.parse(text))
  mistakes.push(...checkSegments(source.segments))
  for (const definition of source.flags.values()) mistakes.push(...checkDefinition(definition, source.segments))
  if (mistakes.length > 0) throw new Error('The document of the benchmark has mistakes', { cause: mistakes })
  return compileFlagSet({ ...source, bucketing: 'v2' })
}

function compareEvaluation(
  set: FlagSet,
  core: FlagdCore,
  { name, key, type, goal }: EvaluationCase,
): Promise<Comparison> {
  // A request reads the clock once, for one flag or for all.
  const now = Math.floor(Date.now() / 1000)
  const next = contexts()
  const ours = () => evaluateKey(set, key, next(), now, type)
  const reference =
    type === 'boolean'
      ? () => core.resolveBooleanEvaluation(key, false, next(), SILENT)
      : () => core.resolveStringEvaluation(key, '', next(), SILENT)
  return compareShort({ name, goal, ours, reference })
}

/** Returns the contexts in turn. */
function contexts(): () => (typeof CONTEXTS)[number] | Record<string, never> {
  let turn = 0
  return () => {
    turn = (turn + 1) & 63
    return CONTEXTS[turn] ?? {}
  }
}

/** What v3 may cost: at most twice v2. */
const V3_RATIO_MIN = 0.5

/** The same rules under bucketing v3 (ours) and v2 (the reference). */
async function compareBucketings(document: string): Promise<Comparison[]> {
  const [v2, v3] = [load(document, 'v2'), load(document, 'v3')]
  const comparisons: Comparison[] = []
  for (const { name, key, type } of EVALUATIONS.filter(({ key }) => key === 'seeded' || key === 'shorthand')) {
    const [nextOurs, nextReference] = [contexts(), contexts()]
    comparisons.push(
      await compareShort({
        name: `${name}, v3`,
        goal: V3_RATIO_MIN,
        ours: () => evaluateKey(v3, key, nextOurs(), 0, type),
        reference: () => evaluateKey(v2, key, nextReference(), 0, type),
      }),
    )
  }
  return comparisons
}

type Loads = {
  readonly comparisons: readonly Comparison[]
  readonly evaluatedOnce: Comparison
  readonly checkedLoadNs: number
}

function compareLoads(): Loads {
  const document = largeDocument()
  const text = JSON.stringify(document)
  const keys = Object.keys(document.flags)
  const core = new FlagdCore(undefined, SILENT)
  const loading = compareLong({
    name: `load ${FLAG_COUNT} flags`,
    goal: 20,
    rounds: 3,
    oursPerRound: 5,
    ours: () => load(text),
    reference: () => core.setConfigurations(text),
  })
  const evaluatedOnce = compareLong({
    name: `load ${FLAG_COUNT} flags and evaluate each once`,
    goal: 0,
    rounds: 3,
    oursPerRound: 5,
    ours: () => {
      const set = load(text)
      for (const key of keys) evaluateKey(set, key, CONTEXTS[0] ?? {}, 0)
    },
    reference: () => {
      core.setConfigurations(text)
      for (const key of keys) core.resolveBooleanEvaluation(key, false, CONTEXTS[0], SILENT)
    },
  })
  const checkedLoadNs = median(Array.from({ length: 5 }, () => timed(() => loadChecked(text))))
  return { comparisons: [loading, compareChange(core, document)], evaluatedOnce, checkedLoadNs }
}

/** A change is complete when an evaluation returns the new value. The reference can only replace the whole document. */
function compareChange(core: FlagdCore, document: ReturnType<typeof largeDocument>): Comparison {
  const { targeting } = FLAGS
  const key = Object.keys(document.flags)[77] ?? ''
  let ticket = 0
  const changed = (): Definition => {
    ticket += 1
    return { ...targeting, state: 'ENABLED', variants: { on: true, off: false }, metadata: { ticket } }
  }
  const texts = Array.from({ length: 3 }, () =>
    JSON.stringify({ ...document, flags: { ...document.flags, [key]: changed() } }),
  )
  let set = load(JSON.stringify(document))
  return compareLong({
    name: `change one flag of ${FLAG_COUNT}`,
    goal: 1000,
    rounds: texts.length,
    oursPerRound: 200,
    ours: () => {
      set = patchFlagSet(set, { flags: [[key, changed()]] })
      evaluateKey(set, key, CONTEXTS[0] ?? {}, 0)
    },
    reference: () => {
      core.setConfigurations(texts.pop() ?? '')
      core.resolveBooleanEvaluation(key, false, CONTEXTS[0], SILENT)
    },
  })
}

type Figures = Loads & { readonly machine: Machine; readonly bucketings: readonly Comparison[] }

async function run(): Promise<Figures> {
  const document = { flags: FLAGS, $evaluators: {} }
  const core = new FlagdCore(undefined, SILENT)
  core.setConfigurations(JSON.stringify(document))
  const set = load(JSON.stringify(document))
  const evaluations: Comparison[] = []
  for (const evaluation of EVALUATIONS) evaluations.push(await compareEvaluation(set, core, evaluation))
  const bucketings = await compareBucketings(JSON.stringify(document))
  const loads = compareLoads()
  return { machine: describeMachine(), ...loads, bucketings, comparisons: [...evaluations, ...loads.comparisons] }
}

function table({ machine, comparisons, bucketings, evaluatedOnce, checkedLoadNs }: Figures): string {
  const rows = comparisons.map(row)
  const once = `${duration(evaluatedOnce.ours)} against ${duration(evaluatedOnce.reference)}`
  return `${machine.runtime}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.platform}; one core used

| | Flagstaff | flagd-core | ratio | goal |
|---|---:|---:|---:|---:|
${rows.join('\n')}

| | v3 | v2 | ratio | goal |
|---|---:|---:|---:|---:|
${bucketings.map(row).join('\n')}

Medians of rounds taken in turn. Ours is given the time, as in a request, which reads the clock once; flagd-core reads it
in each evaluation of a rule. A load goes from JSON text to flags that can be evaluated. Ours compiles a flag when it is
first evaluated; with each of them evaluated once, a load takes ${once}
(ratio ${rounded(evaluatedOnce.ratio)}). Definitions are checked when they are saved, not when they are loaded; loaded and checked takes
${duration(checkedLoadNs)}.
`
}

const row = ({ name, ours, reference, ratio, goal }: Comparison): string =>
  `| ${name} | ${duration(ours)} | ${duration(reference)} | ${rounded(ratio)} | ≥ ${goal} |`

function rounded(ratio: number): string {
  return ratio < 100 ? ratio.toFixed(1) : ratio.toFixed(0)
}

function duration(ns: number): string {
  if (ns < 1e4) return `${ns.toFixed(0)} ns`
  return ns < 1e6 ? `${(ns / 1e3).toFixed(0)} µs` : `${(ns / 1e6).toFixed(ns < 1e8 ? 1 : 0)} ms`
}

const figures = await run()
stdout.write(argv.includes('--json') ? `${JSON.stringify(figures, null, 2)}\n` : table(figures))
if (argv.includes('--check')) {
  const missed = [...figures.comparisons, ...figures.bucketings].filter(({ ratio, goal }) => !(ratio >= goal))
  for (const { name, ratio, goal } of missed)
    stderr.write(`Missed: "${name}" is ${ratio.toPrecision(3)} times as fast as its reference, not ${goal}\n`)
  if (missed.length > 0) exit(1)
}
