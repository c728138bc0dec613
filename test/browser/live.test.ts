import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consoleOfFile, skip } from '../support/browser.ts'

const it = consoleOfFile()

const LIST = '/console/p/shop/flags'
const IDLE_SECONDS = 301

test('a change that another client makes appears without a reload', { skip }, async () => {
  const { page } = await it.visit(LIST)
  await page.getByText('rollout').first().waitFor()
  const body = { key: 'made-elsewhere', type: 'boolean' }
  assert.equal((await it.call('POST', '/api/v1/projects/shop/flags', body)).status, 201)
  await page.getByText('made-elsewhere').first().waitFor()
  await page.context().close()
})

test('a key that another client creates appears without a reload', { skip }, async () => {
  const { page } = await it.visit(LIST)
  await page.getByText('rollout').first().waitFor()
  await page.getByRole('link', { name: 'Keys' }).click()
  await page.getByText('No keys yet').waitFor()
  await page.getByRole('button', { name: 'Live' }).waitFor()
  const body = { name: 'made-elsewhere', role: 'client', environment: { project: 'shop', environment: 'live' } }
  assert.equal((await it.call('POST', '/api/v1/keys', body)).status, 201)
  await page.getByText('made-elsewhere').waitFor()
  await page.context().close()
})

test('a tab that is not used keeps no stream open', { skip }, async () => {
  const { page } = await it.visit('/console/welcome')
  await page.clock.install()
  await page.goto(it.address + LIST)
  await page.getByText('rollout').first().waitFor()
  await openStreams(1)
  await page.clock.fastForward(IDLE_SECONDS * 1_000)
  await openStreams(0)
  await page.context().close()
})

/** Waits until the service has so many open streams. */
async function openStreams(wanted: number): Promise<void> {
  const until = performance.now() + 10_000
  for (;;) {
    const text = await (await it.call('GET', '/metrics')).text()
    const open = Number(/^flagstaff_streams\{door="ofrep"\} (\d+)/m.exec(text)?.[1])
    if (open === wanted) return
    assert.ok(performance.now() < until, `${open} streams are open, not ${wanted}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
