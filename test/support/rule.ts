import type { Bucketing } from '../../src/flag/definition.ts'
import { compileRule } from '../../src/flag/rules/rule.ts'
import { compileSegments } from '../../src/flag/rules/segments.ts'

type Settings = {
  readonly segments?: Readonly<Record<string, unknown>>
  readonly bucketing?: Bucketing
  readonly now?: number
}

/** The value of a rule, of a flag named "flag". */
export function ruleValue(rule: unknown, context: unknown = {}, settings: Settings = {}): unknown {
  const { segments = {}, bucketing = 'v2', now = 1_750_000_000 } = settings
  const { expression } = compileRule(rule, { segments: compileSegments(segments, bucketing).compiled, bucketing })
  return expression(context, { flagKey: 'flag', now, context, whole: undefined, steps: 0 })
}
