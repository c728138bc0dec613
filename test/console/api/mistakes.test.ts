import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, type ApiMistake } from '../../../src/console/api/client.ts'
import { mistakesOf } from '../../../src/console/api/mistakes.ts'

const refused = (...mistakes: ApiMistake[]) =>
  new ApiError('The body is invalid', { status: 400, code: 'invalid', mistakes })

test('mistakesOf() shows a mistake beside the field that its pointer names', () => {
  const error = refused({ pointer: '/name', detail: 'must not be empty' })
  assert.deepEqual(mistakesOf(error, ['name']), { fields: { name: 'Must not be empty' }, rest: undefined })
})

test('mistakesOf() names the place of a mistake within a field', () => {
  const error = refused({ pointer: '/metadata/team/0', detail: 'must be a text' })
  assert.deepEqual(mistakesOf(error, ['metadata']).fields, { metadata: '/team/0: must be a text' })
})

test('mistakesOf() keeps the first mistake of a field', () => {
  const error = refused({ pointer: '/key', detail: 'first' }, { pointer: '/key', detail: 'second' })
  assert.deepEqual(mistakesOf(error, ['key']).fields, { key: 'First' })
})

test('mistakesOf() collects what belongs to no field, with its pointer', () => {
  const error = refused({ pointer: '/owner', detail: 'is unknown' }, { pointer: '', detail: 'must be an object' })
  assert.deepEqual(mistakesOf(error, ['name']), { fields: {}, rest: '/owner: is unknown. Must be an object' })
})

test('mistakesOf() shows the message of an error without mistakes, and nothing without an error', () => {
  const conflict = new ApiError('Project "shop" exists already', { status: 409, code: 'conflict' })
  assert.equal(mistakesOf(conflict, ['key']).rest, 'Project "shop" exists already')
  assert.deepEqual(mistakesOf(undefined, ['key']), { fields: {}, rest: undefined })
})
