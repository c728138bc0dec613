import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consoleOfFile, SWITCH, skip, until } from '../support/browser.ts'

const it = consoleOfFile()

const LIST = '/console/p/shop/flags'
/** The readings of the matrix that have ended. */
const MATRIX_READS = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/matrix'))"
/** Most bytes of an answer without a body. */
const HEAD_MAX = 400
const IDLE_SECONDS = 301

test('a change that another client makes appears without a reload', { skip }, async () => {
  const { page } = await it.visit(LIST)
  await page.getByText('rollout').first().waitFor()
  const body = { key: 'made-elsewhere', type: 'boolean' }
  assert.equal((await it.call('POST', '/api/v1/projects/shop/flags', body)).status, 201)
  await page.getByText('made-elsewhere').first().waitFor()
  await page.context().close()
})

test('a list that has not changed is read again by the same URLs, and not sent again', { skip }, async () => {
  await it.call('POST', '/api/v1/projects', { key: 'many' })
  await it.call('POST', '/api/v1/projects/many/environments', { key: 'live' })
  const flags = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`flag-${index}`, SWITCH]))
  await it.call('PUT', '/api/v1/projects/many/environments/live/flagset', { flags })
  const { page } = await it.visit('/console/p/many/flags')
  await page.getByText('60 flags', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Live' }).waitFor()
  await until(page, `${MATRIX_READS}.length === 4`) // of the load, and at the beginning of the stream
  const reads: { name: string; transferSize: number }[] = JSON.parse(
    await page.evaluate(`JSON.stringify(${MATRIX_READS})`),
  )
  assert.deepEqual(
    reads.slice(2).map(({ name }) => name),
    reads.slice(0, 2).map(({ name }) => name),
  )
  for (const { name, transferSize } of reads.slice(2)) assert.ok(transferSize < HEAD_MAX, `${name}: ${transferSize}`)
  await page.context().close()
})

test('a switch that is turned in this tab causes no reading of the list, and the change of another client does', {
  skip,
}, async () => {
  const { page } = await it.visit(LIST)
  const toggle = page.getByRole('switch', { name: /^plain in Test/ })
  await toggle.waitFor()
  await page.getByRole('button', { name: 'Live' }).waitFor()
  await until(page, `${MATRIX_READS}.length === 2`)
  for (const state of ['true', 'false']) {
    await toggle.click()
    await page.locator(`[role=switch][aria-checked=${state}][aria-label^="plain in Test"]`).waitFor()
  }
  await it.call('PATCH', '/api/v1/projects/shop/flags/plain', { description: 'Described elsewhere' })
  await page.getByText('Described elsewhere').waitFor()
  assert.equal(await page.evaluate(`${MATRIX_READS}.length`), 3)
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

test('a page whose file a deployment has replaced is loaded again, once', { skip }, async () => {
  const { page } = await it.visit(LIST)
  await page.getByText('rollout').first().waitFor()
  let loads = 0
  page.on('request', (request) => {
    if (request.isNavigationRequest()) loads += 1
  })
  await page.route('**/assets/*.js', (route) => (loads === 0 ? route.fulfill({ status: 404 }) : route.continue()))
  await page.getByRole('link', { name: 'Keys' }).click()
  await page.getByRole('heading', { name: 'Keys' }).waitFor()
  assert.equal(loads, 1)
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
