import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { consoleOfFile, skip, until } from '../support/browser.ts'
import { BUDGETS_KB } from '../support/budgets.ts'

const it = consoleOfFile()

/** The first flags, the session, two scripts and the style sheet. */
const FIRST_REQUESTS = 5

/** Pages with a text that they show, and most kilobytes of their scripts. */
const PAGES = [
  ['/console/p/shop/flags', 'rollout', BUDGETS_KB.list],
  ['/console/p/shop/flags/rollout/live', 'rollout', BUDGETS_KB.flag],
] as const

for (const [path, text, js] of PAGES)
  test(`${path} loads at most ${js} KB of scripts and ${BUDGETS_KB.styles} KB of styles`, { skip }, async () => {
    const { page } = await it.visit(path)
    await page.getByText(text).first().waitFor()
    const loaded: string[] = JSON.parse(
      await page.evaluate("JSON.stringify(performance.getEntriesByType('resource').map(({ name }) => name))"),
    )
    for (const [kind, max] of Object.entries({ js, css: BUDGETS_KB.styles })) {
      const files = [...new Set(loaded.filter((name) => name.endsWith(`.${kind}`)))]
      const sizes = await Promise.all(
        files.map(async (name) => gzipSync(await (await fetch(name)).bytes(), { level: 9 }).length),
      )
      const total = sizes.reduce((sum, size) => sum + size, 0) / 1_000
      assert.ok(total > 0 && total <= max, `${kind}: ${total} KB in ${files.length} files`)
    }
    await page.context().close()
  })

test('before any script is loaded, the first flags and the session are requested, once; before the application is, the theme is set', {
  skip,
}, async () => {
  const { page } = await it.visit('/readyz')
  await page.evaluate("localStorage.setItem('flagstaff:theme', 'dark')")
  const requested: string[] = []
  page.on('request', (request) => requested.push(new URL(request.url()).pathname))
  const html = await (await fetch(`${it.address}/console/`)).text()
  const [ahead, application] = [...html.matchAll(/<script [^>]*src="([^"]+)"/g)].map(([, url = '']) => url)
  assert.ok(ahead && application)
  const [releaseAhead, releaseApplication] = [await held(page, ahead), await held(page, application)]
  const matrix = page.waitForResponse(/matrix\?limit=/)
  const session = page.waitForResponse(/console\/session$/)
  await page.goto(`${it.address}/console/p/shop/flags`, { waitUntil: 'commit' })
  await Promise.all([matrix, session])
  releaseAhead()
  await until(page, "document.documentElement.dataset.theme === 'dark'")
  assert.equal(await page.getByRole('switch').count(), 0)
  releaseApplication()
  await page.getByRole('switch').first().waitFor()
  for (const path of ['/api/v1/projects/shop/matrix', '/console/session'])
    assert.equal(requested.filter((each) => each === path).length, 1, path)
  await page.context().close()
})

test('the rows of the list need two round trips: the page, and then five requests of which none waits for another', {
  skip,
}, async () => {
  const { page } = await it.visit('/readyz')
  const requested: string[] = []
  const [areFirst, areRowsShown] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await page.route(/\/(?:assets|api|session)\b/, async (route) => {
    requested.push(route.request().url())
    if (requested.length === FIRST_REQUESTS) areFirst.resolve()
    await (requested.length <= FIRST_REQUESTS ? areFirst : areRowsShown).promise
    await route.continue()
  })
  await page.goto(`${it.address}/console/p/shop/flags`, { waitUntil: 'commit' })
  await page.getByRole('switch').first().waitFor()
  areRowsShown.resolve()
  assert.equal(new Set(requested.slice(0, FIRST_REQUESTS)).size, FIRST_REQUESTS)
  await page.unrouteAll({ behavior: 'wait' })
  await page.context().close()
})

/** Holds a script back until the result is called. */
async function held(page: Page, url: string): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  await page.route(`**${url}`, async (route) => {
    await promise
    await route.continue()
  })
  return resolve
}
