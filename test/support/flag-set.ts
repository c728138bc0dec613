import assert from 'node:assert/strict'
import { readDocument } from '../../src/flag/check/document.ts'
import type { Bucketing, Definition } from '../../src/flag/definition.ts'
import { type Evaluation, evaluateKey } from '../../src/flag/evaluate.ts'
import { compileFlagSet, type FlagSet } from '../../src/flag/flag-set.ts'

/** Time of evaluation in tests, in unix seconds. */
export const NOW = 1_750_000_000

/** Compiles a flagd document that has a valid shape. */
export function flagSetOf(document: unknown, bucketing: Bucketing = 'v2'): FlagSet {
  const { source, mistakes } = readDocument(document)
  assert.deepEqual(mistakes, [])
  return compileFlagSet({ ...source, bucketing })
}

/** A flag with the variants a, b, true, false and 1, `a` by default, and a rule. */
export function ruled(targeting: unknown): Definition {
  return {
    state: 'ENABLED',
    variants: { a: 'a', b: 'b', true: 'true', false: 'false', 1: '1' },
    defaultVariant: 'a',
    targeting,
  }
}

/** The evaluation of a flag with this rule, named "flag". */
export function answerOf(targeting: unknown, context: Record<string, unknown> = {}, segments = {}): Evaluation {
  const set = compileFlagSet({ flags: new Map([['flag', ruled(targeting)]]), segments, metadata: {}, bucketing: 'v2' })
  return evaluateKey(set, 'flag', context, NOW)
}
