import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consoleOfFile, skip } from '../support/browser.ts'

const it = consoleOfFile()

const MANAGER = 'kubernetes:shop/production'
const ENVIRONMENT = '/api/v1/projects/shop/environments/live'
const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }

test('a flag that another system manages has a lock in the list and on its page, and cannot be switched', {
  skip,
}, async () => {
  const path = `${ENVIRONMENT}/managers/${encodeURIComponent(MANAGER)}`
  assert.equal((await it.call('PUT', path, { flags: { 'made-by-operator': flag } })).status, 200)
  const { page } = await it.visit('/console/p/shop/flags')
  const row = page.getByRole('row').filter({ hasText: 'made-by-operator' })
  await row.getByText(`Managed by ${MANAGER}`).first().waitFor({ state: 'attached' })
  assert.ok(await row.getByRole('switch').first().isDisabled())
  await page.goto(`${it.address}/console/p/shop/flags/made-by-operator/live`)
  await page.getByText(`managed by ${MANAGER}`).waitFor()
  await page.getByRole('switch').first().waitFor()
  assert.ok(await page.getByRole('switch').first().isDisabled())
  assert.equal((await it.call('DELETE', path)).status, 204)
  await page.getByText(`managed by ${MANAGER}`).waitFor({ state: 'detached' })
  assert.ok(await page.getByRole('switch').first().isEnabled())
  await page.context().close()
})
