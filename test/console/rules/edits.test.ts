import assert from 'node:assert/strict'
import { test } from 'node:test'
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
import { print } from '../../../src/console/rules/print.ts'
import { readDefinition, TARGETING } from '../../../src/console/rules/read.ts'
import { addShare, removeShare, setBy, setWeights } from '../../../src/console/rules/splits.ts'
import {
  applyEdits,
  invertEdits,
  type JsonPath,
  nodeAt,
  parseText,
  type TextEdit,
} from '../../../src/console/rules/text.ts'
import { setDefaultVariant, setMetadata, setState, setVariant } from '../../../src/console/rules/variants.ts'
import type {
  ClauseOperator,
  ConditionView,
  DefinitionView,
  OutcomeView,
  SplitView,
} from '../../../src/console/rules/view.ts'
import { checkDefinition, checkShape } from '../../../src/flag/check/definition.ts'
import { withConformance } from '../../support/conformance.ts'
import { condition, conformanceRules, definition, outcome, SEGMENTS } from './generators.ts'

const view = (text: string): DefinitionView => {
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
type Operation = { readonly name: string; readonly edits: TextEdit[]; readonly within: JsonPath }

/** Chooses one operation that the definition allows, with the numbers and values of `seed`. */
function operationsOn(text: string, seed: Seed): Operation[] {
  const definitionView = view(text)
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
    { name: 'setMetadata', edits: setMetadata(text, 'owner', 'api'), within: ['metadata'] },
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

type Seed = { readonly number: number; readonly other: number; readonly condition: unknown; readonly result: unknown }
const seeds: fc.Arbitrary<Seed> = fc.record({ number: fc.nat(40), other: fc.nat(40), condition, result: outcome })

/** Messages without the values that they quote: another value may be as wrong as the one before. */
const mistakesIn = (text: string): string[] => {
  const value: unknown = JSON.parse(text)
  const mistakes = [...checkShape(value).mistakes, ...checkDefinition(value, SEGMENTS)]
  return mistakes.map(({ message }) => message.replaceAll(/"[^"]*"|-?[\d.]+/g, '…'))
}

const without = (value: unknown, path: JsonPath): unknown => {
  const [step, ...rest] = path
  if (step === undefined) return 'removed'
  const copy = structuredClone(value) as Record<string, unknown>
  if (rest.length === 0) delete copy[String(step)]
  else copy[String(step)] = without(copy[String(step)], rest)
  return copy
}

/** The bytes before and after the value at a path; undefined if there is no value. */
function around(text: string, path: JsonPath): [string, string] | undefined {
  const node = nodeAt(parseText(text).root, path)
  return node && [text.slice(0, node.offset), text.slice(node.offset + node.length)]
}

function checkOperation(text: string, { name, edits, within }: Operation): string {
  const after = applyEdits(text, edits)
  assert.doesNotThrow(() => JSON.parse(after), `${name}: ${text} → ${after}`)
  assert.equal(applyEdits(after, invertEdits(text, edits)), text, `${name}: undo`)
  const [outside, outsideAfter] = [around(text, within), around(after, within)]
  if (outside && outsideAfter) assert.deepEqual(outsideAfter, outside, `${name} outside /${within.join('/')}: ${text}`)
  assert.deepEqual(without(JSON.parse(after), within), without(JSON.parse(text), within), name)
  const known = new Set(mistakesIn(text))
  assert.deepEqual(
    mistakesIn(after).filter((message) => !known.has(message)),
    [],
    `${name}: ${text} → ${after}`,
  )
  return after
}

const asTyped = (value: unknown): string => JSON.stringify(value).replaceAll(',', ' ,')
const layouts = fc.constantFrom<(value: unknown) => string>(
  (value) => print(value),
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value, null, 4),
  asTyped,
)

test('every operation changes its own part only, can be undone to the byte, and makes no new mistake', () => {
  fc.assert(
    fc.property(definition, layouts, seeds, (value, layout, seed) => {
      const text = layout(value)
      for (const operation of operationsOn(text, seed)) checkOperation(text, operation)
    }),
    { numRuns: 500 },
  )
})

test('any mix of operations in the builder and in JSON gives what the same edits of the JSON give', () => {
  fc.assert(
    fc.property(definition, fc.array(seeds, { maxLength: 8 }), (value, mix) => {
      let text = print(value)
      const versions = [text]
      for (const seed of mix) {
        const operations = operationsOn(text, seed)
        const operation = operations[seed.other % operations.length]
        if (operation) text = checkOperation(text, operation)
        if (seed.number % 3 === 0) text = print(JSON.parse(text))
        versions.push(text)
      }
      assert.deepEqual(view(text), view(JSON.stringify(JSON.parse(text))), 'the view depends on the value alone')
    }),
    { numRuns: 300 },
  )
})

withConformance('conformance rules', () => {
  test('every operation on the conformance rules changes its own part only', () => {
    const rules = conformanceRules()
    assert.ok(rules.length > 100)
    for (const targeting of rules) {
      const text = print({ state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting })
      for (const number of [0, 1, 2, 3, 5, 7, 11])
        for (const operation of operationsOn(text, { number, other: number, condition: true, result: 'on' }))
          checkOperation(text, operation)
    }
  })

  test('opening and printing the conformance rules again gives the same bytes', () => {
    for (const rule of conformanceRules()) {
      const text = print(rule)
      assert.deepEqual(JSON.parse(text), rule)
      assert.equal(print(JSON.parse(text)), text)
    }
  })
})
