import assert from 'node:assert/strict'
import { test } from 'node:test'
import { patchOf } from '../../../src/console/api/patch.ts'
import { mergeDefinitions } from '../../../src/console/draft/merge.ts'

/** As text: an object literal would set the prototype. */
const HOSTILE = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1}'
const BASE = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }

test('forms and drafts keep members that JavaScript treats specially as data', () => {
  const edited: Record<string, unknown> = {
    ...BASE,
    ...JSON.parse(`{"variants":${HOSTILE},"metadata":${HOSTILE},${HOSTILE.slice(1)}`),
  }
  const { conflicts, resolve } = mergeDefinitions(BASE, edited, { ...BASE, state: 'DISABLED' })
  assert.deepEqual(conflicts, [])
  assert.equal(JSON.stringify(resolve([])), JSON.stringify({ ...edited, state: 'DISABLED' }))
  const patch = patchOf<Record<string, unknown>>({}, edited)
  assert.deepEqual(Object.keys(patch), Object.keys(edited))
  assert.equal(Object.getPrototypeOf(patch), Object.prototype)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
})
