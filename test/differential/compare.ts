import { FlagdCore } from '@openfeature/flagd-core'
import type { Context, Definition } from '../../src/flag/definition.ts'
import { type Evaluation, evaluateKey } from '../../src/flag/evaluate.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import { randomFrom } from '../support/random.ts'
import { Generator as RuleGenerator, SEGMENTS } from './generate.ts'

/** One rule in one context, and the results of both engines: the variant with its reason, or an error code. */
export type Case = {
  readonly seed: number
  readonly targeting: unknown
  readonly context: Context
  readonly ours: string
  readonly theirs: string
  readonly engine: Engine
  readonly now: number
}
/** How flagd-core runs rules: compiled to code, or interpreted. */
export type Engine = 'compiled' | 'interpreted'
type EvaluationContext = Parameters<FlagdCore['resolveStringEvaluation']>[2]

/** Rules in one flag set: flagd-core loads one in 0.4 ms. */
export const BATCH = 500
const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined }
const VARIANTS = { a: 'a', b: 'b', true: 'true', false: 'false', 1: '1' }

/** Evaluates a batch of generated rules, each in two contexts, on both engines; `seed` is the number of the first. */
export function* compareBatch(seed: number, engine: Engine): Generator<Case> {
  const made = Array.from({ length: BATCH }, (_, index) => makeCase(seed + index))
  const flags = Object.fromEntries(made.map(({ key, flag }) => [key, flag]))
  const core = new FlagdCore(undefined, silent, { disableDynamicCodeGeneration: engine === 'interpreted' })
  core.setConfigurations(JSON.stringify({ flags, $evaluators: SEGMENTS }))
  const set = compileFlagSet({
    flags: new Map(Object.entries(flags)),
    segments: SEGMENTS,
    metadata: {},
    bucketing: 'v2',
  })
  for (const { key, flag, contexts, number } of made)
    for (const context of contexts) {
      const now = Math.floor(Date.now() / 1_000)
      const ours = describe(evaluateKey(set, key, context, now, 'string'))
      const theirs = describe(core.resolveStringEvaluation(key, '', context as EvaluationContext, silent))
      yield { seed: number, targeting: flag.targeting, context, ours, theirs, engine, now }
    }
}

function makeCase(number: number) {
  const generator = new RuleGenerator(randomFrom(number))
  const flag: Definition = { state: 'ENABLED', variants: VARIANTS, targeting: generator.targeting() }
  const isUndecided = number % 10 === 0
  return {
    number,
    key: `flag-${number}`,
    flag: isUndecided ? flag : { ...flag, defaultVariant: 'a' },
    contexts: [generator.context(), generator.context()],
  }
}

type Answer = {
  readonly reason?: string | undefined
  readonly variant?: string | undefined
  readonly errorCode?: string | undefined
}

const describe = (answer: Evaluation | Answer): string => {
  const { reason, variant, errorCode } = answer as Answer
  return errorCode ?? `${reason} ${variant ?? '-'}`
}
