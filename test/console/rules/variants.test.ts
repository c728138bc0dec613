import assert from 'node:assert/strict'
import { test } from 'node:test'
import { print } from '../../../src/console/rules/print.ts'
import { applyEdits } from '../../../src/console/rules/text.ts'
import { removeVariant, renameVariant, setDefaultVariant } from '../../../src/console/rules/variants.ts'

const DEFINITION = {
  state: 'ENABLED',
  variants: { on: true, off: false, 'on hold': true },
  defaultVariant: 'on',
  targeting: {
    if: [
      { '==': [{ var: 'plan' }, 'on'] },
      'on',
      { $ref: 'staff' },
      {
        fractional: [
          ['on', 1],
          ['off', 2],
        ],
      },
      'on',
    ],
  },
}

test('renameVariant() renames a variant wherever a result names it, and no value of a clause', () => {
  const text = print(DEFINITION)
  assert.deepEqual(JSON.parse(applyEdits(text, renameVariant(text, 'on', 'new'))), {
    state: 'ENABLED',
    variants: { new: true, off: false, 'on hold': true },
    defaultVariant: 'new',
    targeting: {
      if: [
        { '==': [{ var: 'plan' }, 'on'] },
        'new',
        { $ref: 'staff' },
        {
          fractional: [
            ['new', 1],
            ['off', 2],
          ],
        },
        'new',
      ],
    },
  })
})

test('members are set and removed without a change of their neighbours', () => {
  const text = print(DEFINITION)
  const renamed = applyEdits(text, removeVariant(text, 'off'))
  assert.deepEqual(JSON.parse(renamed).variants, { on: true, 'on hold': true })
  const without = applyEdits(text, setDefaultVariant(text, null))
  assert.equal(without, text.replace('  "defaultVariant": "on",\n', ''))
})
