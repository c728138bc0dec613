import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as v from 'valibot'
import { FeatureFlag, FlagEnvironment, isSelected } from '../../src/operator/kubernetes/resources.ts'
import { mergeFeatureFlags } from '../../src/operator/merge.ts'

const on = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }
const resource = (name: string, flagSpec: object, labels = {}) =>
  v.parse(FeatureFlag, { metadata: { name, namespace: 'shop', labels }, spec: { flagSpec } })

test('FeatureFlags are merged in the order of their names', () => {
  const { document, refused, keep, ownerOf } = mergeFeatureFlags([
    resource('b', { flags: { y: on }, metadata: { team: 'x' } }),
    resource('a', { flags: { x: on, 'a/b': on }, $evaluators: { staff: { var: 'x' } } }),
  ])
  assert.deepEqual(Object.keys(document.flags), ['x', 'a/b', 'y'])
  assert.deepEqual([document.$evaluators, document.metadata], [{ staff: { var: 'x' } }, { team: 'x' }])
  assert.deepEqual([refused, keep], [[], []])
  assert.equal(ownerOf('/flags/a~1b/targeting/if/0'), 'a')
  assert.deepEqual([ownerOf('/flags/y'), ownerOf('/$evaluators/staff/var'), ownerOf('/flags/none')], ['b', 'a', ''])
})

test('a flag in two of them is refused in both, also where it is equal; shared segments are not', () => {
  const one = { flags: { x: on, same: on }, $evaluators: { staff: { var: 'x' }, other: { var: 'y' } } }
  const two = { flags: { same: on }, $evaluators: { staff: { var: 'x' }, other: { var: 'z' } } }
  const { document, refused, keep } = mergeFeatureFlags([resource('one', one), resource('two', two)])
  assert.deepEqual([Object.keys(document.flags), document.$evaluators], [['x'], { staff: { var: 'x' } }])
  assert.deepEqual(keep, ['/flags/same', '/$evaluators/other'])
  assert.deepEqual(
    refused.map(({ featureFlag, pointer }) => `${featureFlag} ${pointer}`),
    ['one /flags/same', 'two /flags/same', 'one /$evaluators/other', 'two /$evaluators/other'],
  )
})

test('a FlagEnvironment selects FeatureFlags of its namespace that have all its labels', () => {
  const environment = (matchLabels: object, namespace = 'shop') =>
    v.parse(FlagEnvironment, {
      metadata: { name: 'prod', namespace },
      spec: { project: 'p', environment: 'e', featureFlags: { matchLabels } },
    })
  const flag = resource('a', { flags: {} }, { app: 'shop', tier: 'web' })
  assert.ok(isSelected(flag, environment({})))
  assert.ok(isSelected(flag, environment({ app: 'shop', tier: 'web' })))
  assert.ok(!isSelected(flag, environment({ app: 'shop', tier: 'db' })))
  assert.ok(!isSelected(flag, environment({}, 'other')))
})
