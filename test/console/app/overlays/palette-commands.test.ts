import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Matrix, MatrixCell } from '../../../../src/console/api/matrix.ts'
import { commandsFor } from '../../../../src/console/app/overlays/palette-commands.ts'

const cell = (state: MatrixCell['state']): MatrixCell => ({
  revision: 1,
  state,
  served: state,
  variant: null,
  lastEvaluatedAt: null,
  stale: null,
})
const flag = (
  key: string,
  test: MatrixCell['state'],
  production: MatrixCell['state'],
  archivedAt: string | null = null,
) => ({
  key,
  type: 'boolean' as const,
  description: '',
  owner: '',
  tags: [],
  permanent: false,
  archivedAt,
  createdAt: '2026-01-01T00:00:00Z',
  environments: { test: cell(test), production: cell(production) },
})
const MATRIX: Matrix = {
  project: 'shop',
  environments: [
    { key: 'test', name: 'Test', position: 0, protected: false, revision: 1 },
    { key: 'production', name: 'Production', position: 1, protected: true, revision: 1 },
  ],
  flags: [flag('new-checkout', 'on', 'off'), flag('checkout', 'on', 'absent'), flag('old', 'on', 'on', '2026-01-02')],
}
const labels = (text: string) => commandsFor(text, MATRIX, 'shop').map(({ label }) => label)

test('without a text, pages and flags are offered, and no archived flag', () => {
  assert.deepEqual(labels('').slice(0, 4), ['Flags', 'Segments', 'Compare', 'Changes'])
  assert.ok(labels('').includes('checkout'))
  assert.ok(!labels('').includes('old'))
})

test('flags that begin with the text come first, then their switches', () => {
  assert.deepEqual(labels('check'), [
    'checkout',
    'new-checkout',
    'Switch off checkout in Test',
    'Switch off new-checkout in Test',
    'Switch on new-checkout in Production',
  ])
})

for (const [text, expected] of [
  ['turn on new in prod', ['Switch on new-checkout in Production']],
  ['switch off check in test', ['Switch off checkout in Test', 'Switch off new-checkout in Test']],
  ['turn off old', []],
  ['why new-checkout ada', ['Why new-checkout for ada']],
  ['why che', ['Why checkout', 'Why new-checkout']],
  ['nothing like it', []],
] as const)
  test(`"${text}" offers ${expected.join(', ') || 'nothing'}`, () => assert.deepEqual(labels(text), expected))

test('a switch in a protected environment has a question, and any other has none', () => {
  const questions = commandsFor('new-checkout', MATRIX, 'shop').flatMap((command) =>
    'toggle' in command ? [command.toggle.question] : [],
  )
  assert.deepEqual(questions, [undefined, 'Switch on new-checkout in Production?'])
})

test('without a project, only pages that need none are offered', () => {
  assert.deepEqual(
    commandsFor('', undefined, undefined).map(({ label }) => label),
    ['Keys', 'Settings', 'Welcome: samples and import'],
  )
})
