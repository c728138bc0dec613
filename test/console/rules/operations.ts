import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  addClause,
  clauseValue,
  extractSegment,
  removeClause,
  setAttribute,
  setGroup,
  setOperator,
  setValues,
  unwrap,
  wrap,
} from '../../../src/console/rules/conditions.ts'
import {
  addRule,
  hold,
  moveRule,
  release,
  removeRule,
  replace,
  setOtherwise,
} from '../../../src/console/rules/edits.ts'
import { readDefinition, TARGETING } from '../../../src/console/rules/read.ts'
import { addShare, removeShare, setBy, setWeights } from '../../../src/console/rules/splits.ts'
import type { JsonPath, TextEdit } from '../../../src/console/rules/text.ts'
import { setDefaultVariant, setState, setVariant } from '../../../src/console/rules/variants.ts'
import type {
  ClauseOperator,
  ConditionView,
  DefinitionView,
  OutcomeView,
  SplitView,
} from '../../../src/console/rules/view.ts'
import { condition, outcome } from './generators.ts'

/** The view of a text that is a definition. */
export const viewOf = (text: string): DefinitionView => {
  const { view: found, mistakes } = readDefinition(text)
  assert.ok(found, `${JSON.stringify(mistakes)} in ${text}`)
  return found
}

const conditionsIn = (one: ConditionView): ConditionView[] => [
  one,
  ...(one.kind === 'group' ? one.items.flatMap(conditionsIn) : one.kind === 'not' ? conditionsIn(one.item) : []),
]
const outcomesOf = ({ rules, otherwise }: DefinitionView): OutcomeView[] => [
  ...rules.map(({ result }) => result),
  ...(otherwise ? [otherwise] : []),
]
const OPERATORS: readonly ClauseOperator[] = [
  ...(['==', '!=', '===', '!==', '<', '<=', '>', '>=', 'between', 'between_inclusive', 'one_of', 'contains'] as const),
  ...(['starts_with', 'ends_with', 'is_set', 'is_not_set', 'sem_ver ^', 'sem_ver <', 'in_segment'] as const),
]

/** An operation with the path of the part that it may change. */
export type Operation = { readonly name: string; readonly edits: TextEdit[]; readonly within: JsonPath }

/** The operations that the definition allows, with the numbers and values of `seed`. */
export function operationsOn(text: string, seed: Seed): Operation[] {
  const definitionView = viewOf(text)
  const { rules, otherwise } = definitionView
  const at = seed.number % (rules.length + 1)
  const operations: Operation[] = [
    { name: 'addRule', edits: addRule(text, TARGETING, at, seed), within: TARGETING },
    { name: 'hold', edits: hold(text, TARGETING, 'off'), within: TARGETING },
    { name: 'release', edits: release(text, TARGETING), within: TARGETING },
    { name: 'setOtherwise', edits: setOtherwise(text, TARGETING, seed.result), within: TARGETING },
    { name: 'setState', edits: setState(text, 'DISABLED'), within: ['state'] },
    { name: 'setVariant', edits: setVariant(text, 'new', definitionView.variants[0]?.value), within: ['variants'] },
    { name: 'setDefaultVariant', edits: setDefaultVariant(text, 'off'), within: ['defaultVariant'] },
  ]
  if (otherwise)
    operations.push({ name: 'no otherwise', edits: setOtherwise(text, TARGETING, undefined), within: TARGETING })
  const rule = rules[seed.number % Math.max(1, rules.length)]
  if (!rule) return operations
  const index = rules.indexOf(rule)
  operations.push(
    { name: 'removeRule', edits: removeRule(text, TARGETING, index), within: TARGETING },
    { name: 'moveRule', edits: moveRule(text, TARGETING, index, seed.other % rules.length), within: TARGETING },
    { name: 'setResult', edits: replace(text, rule.result.path, seed.result), within: rule.result.path },
  )
  return [
    ...operations,
    ...conditionOperations(text, rule.condition, seed),
    ...splitOperations(text, definitionView, seed),
  ]
}

function conditionOperations(text: string, root: ConditionView, seed: Seed): Operation[] {
  const all = conditionsIn(root)
  const one = all[seed.other % all.length] ?? root
  const clause = clauseValue({ attribute: 'plan', operator: 'one_of', values: ['pro', 'team'] })
  const operations: Operation[] = [
    { name: 'addClause', edits: addClause(text, one.path, clause), within: one.path },
    { name: 'removeClause', edits: removeClause(text, one.path), within: root.path },
    { name: 'wrap and', edits: wrap(text, one.path, 'and'), within: one.path },
    { name: 'wrap not', edits: wrap(text, one.path, 'not'), within: one.path },
    { name: 'extractSegment', edits: extractSegment(text, one.path, 'staff').edits, within: one.path },
  ]
  if (one.kind === 'not' || (one.kind === 'group' && one.items.length === 1))
    operations.push({ name: 'unwrap', edits: unwrap(text, one.path), within: one.path })
  if (one.kind === 'group')
    operations.push({ name: 'setGroup', edits: setGroup(text, one.path, 'or'), within: one.path })
  if (one.kind !== 'clause' && one.kind !== 'time') return operations
  const operator = OPERATORS[seed.number % OPERATORS.length] ?? '=='
  const values = one.values.map((value) => (typeof value === 'number' ? value + 1 : value === null ? null : '1.9.9'))
  return [
    ...operations,
    { name: 'setAttribute', edits: setAttribute(text, one.path, 'other'), within: one.path },
    { name: 'setValues', edits: setValues(text, one.path, values), within: one.path },
    { name: `setOperator ${operator}`, edits: setOperator(text, one.path, operator, 'countries'), within: one.path },
  ]
}

function splitOperations(text: string, definitionView: DefinitionView, seed: Seed): Operation[] {
  const found = outcomesOf(definitionView).find((each): each is SplitView => each.kind === 'split')
  if (!found) return []
  const { path, shares } = found
  const operations: Operation[] = [
    {
      name: 'setWeights',
      edits: setWeights(
        text,
        path,
        shares.map((_, index) => index + seed.number),
      ),
      within: path,
    },
    { name: 'addShare', edits: addShare(text, path, 'third', 7), within: path },
    { name: 'setBy', edits: setBy(text, path, { attribute: 'plan', isSalted: seed.number % 2 === 0 }), within: path },
    { name: 'setBy key', edits: setBy(text, path, { attribute: undefined, isSalted: true }), within: path },
  ]
  if (shares.length < 2) return operations
  return [
    ...operations,
    { name: 'removeShare', edits: removeShare(text, path, seed.other % shares.length), within: path },
  ]
}

/** Numbers and values that choose operations and their operands. */
export type Seed = {
  readonly number: number
  readonly other: number
  readonly condition: unknown
  readonly result: unknown
}
export const seeds: fc.Arbitrary<Seed> = fc.record({
  number: fc.nat(40),
  other: fc.nat(40),
  condition,
  result: outcome,
})
