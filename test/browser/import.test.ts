import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consoleOfFile, skip } from '../support/browser.ts'

const it = consoleOfFile()

test('an imported file is sent as it is: a number that cannot be kept is refused by its digits', { skip }, async () => {
  const { page } = await it.visit('/console/welcome')
  const choose = (text: string) =>
    page.locator('input[type=file]').setInputFiles({
      name: 'flags.json',
      mimeType: 'application/json',
      buffer: Buffer.from(text),
    })
  const withLimit = (limit: string) =>
    `{"flags":{"imported":{"state":"ENABLED","variants":{"limit":${limit}},"defaultVariant":"limit"}}}`
  await page.locator('input[type=file]').waitFor({ state: 'attached' })
  await choose(withLimit('9007199254740993'))
  await page.getByRole('alert').getByText('9007199254740993').waitFor()
  await choose('{')
  await page.getByRole('alert').getByText('The body is not JSON').waitFor()
  await choose(withLimit('12'))
  await page.getByRole('button', { name: 'Apply' }).click()
  await page.getByRole('region', { name: 'Messages' }).getByText('flags.json: 1 flags created').waitFor()
  const flag: any = await (await it.call('GET', '/api/v1/projects/shop/environments/test/flags/imported')).json()
  assert.deepEqual(flag.variants, { limit: 12 })
})
