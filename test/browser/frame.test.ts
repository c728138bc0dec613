import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { consoleOfFile, findingsOf, skip, until } from '../support/browser.ts'

const it = consoleOfFile()

const NOWHERE = '/console/nowhere'

const APPLICATION = '<script type="module"'
const AHEAD = '<script type="module" async blocking="render"'

/** Holds the request for the script with this beginning of its element until the result is called. */
async function hold(page: Page, beginning: string): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const html = await (await fetch(`${it.address}/console/`)).text()
  const [, src = ''] = new RegExp(`${beginning} src="([^"]+)"`).exec(html) ?? []
  await page.route(it.address + src, async (route) => {
    await promise
    await route.continue()
  })
  return resolve
}

/** What the frame shows before there is any data, and the list shows at the same places after it. */
const FRAME = ['nav a', 'h1', 'header button', 'input[type=search]', 'fieldset button:first-of-type', '#content']
const BOXES = `JSON.stringify(${JSON.stringify(FRAME)}.map((name) => {
  const { x, y, height } = document.querySelector(name).getBoundingClientRect()
  return [name, x, y, height].join(' ')
}))`

for (const [width, colorScheme] of [
  [1280, 'light'],
  [400, 'dark'],
] as const)
  test(`the frame of the flag list is painted before the application, where the list has it: ${width} px, ${colorScheme}`, {
    skip,
  }, async () => {
    const { page, complaints } = await it.visit(NOWHERE, { viewport: { width, height: 800 }, colorScheme })
    const release = await hold(page, APPLICATION)
    await page.goto(`${it.address}/console/p/shop/flags`, { waitUntil: 'commit' })
    await until(page, "document.querySelector('input[type=search]') !== null")
    await until(page, "performance.getEntriesByName('first-contentful-paint').length > 0")
    assert.equal(await page.evaluate("document.querySelector('#console').inert"), true, 'it does nothing')
    assert.equal(await page.evaluate("document.querySelector('[role=row]')"), null)
    const before = await page.evaluate(BOXES)
    release()
    await page.getByText('rollout').first().waitFor()
    assert.equal(await page.evaluate("document.querySelector('#console').inert"), false)
    assert.deepEqual(JSON.parse(String(await page.evaluate(BOXES))), JSON.parse(String(before)))
    assert.equal(await page.evaluate("document.querySelectorAll('h1, nav').length"), 2, 'nothing stands twice')
    assert.deepEqual(await findingsOf(page), [])
    assert.deepEqual(complaints, [])
    await page.context().close()
  })

test('the chosen theme is shown from the first paint', { skip }, async () => {
  const { page } = await it.visit(NOWHERE, { colorScheme: 'light' })
  await page.evaluate("localStorage.setItem('flagstaff:theme', 'dark')")
  const release = await hold(page, AHEAD)
  await page.goto(`${it.address}/console/p/shop/flags`, { waitUntil: 'commit' })
  await until(page, "document.querySelector('input[type=search]') !== null")
  await page.waitForTimeout(300)
  assert.equal(await page.evaluate("performance.getEntriesByName('first-contentful-paint').length"), 0)
  release()
  await page.getByText('rollout').first().waitFor()
  assert.equal(await page.evaluate('document.documentElement.dataset.theme'), 'dark')
  await page.context().close()
})
