import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { API_TYPES, apiTypes } from '../../support/api-types.ts'

test('the types of the console are those of the OpenAPI document', async () => {
  assert.equal(readFileSync(API_TYPES, 'utf8'), await apiTypes(), 'npm run generate:api')
})
