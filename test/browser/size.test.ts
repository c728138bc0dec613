import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { consoleOfFile, skip } from '../support/browser.ts'
import { BUDGETS_KB } from '../support/budgets.ts'

const it = consoleOfFile()

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

test('before the application is loaded, the theme is set, and the first flags and the session are requested once', {
  skip,
}, async () => {
  const { page } = await it.visit('/readyz')
  await page.evaluate("localStorage.setItem('flagstaff:theme', 'dark')")
  const requested: string[] = []
  page.on('request', (request) => requested.push(new URL(request.url()).pathname))
  const held = Promise.withResolvers<void>()
  const [, application = ''] =
    /<script type="module" src="([^"]+)"/.exec(await (await fetch(`${it.address}/console/`)).text()) ?? []
  await page.route(`**${application}`, async (route) => {
    await held.promise
    await route.continue()
  })
  const matrix = page.waitForResponse(/matrix\?limit=/)
  const session = page.waitForResponse(/console\/session$/)
  await page.goto(`${it.address}/console/p/shop/flags`, { waitUntil: 'commit' })
  await Promise.all([matrix, session])
  assert.equal(await page.getByRole('switch').count(), 0)
  assert.equal(await page.evaluate('document.documentElement.dataset.theme'), 'dark')
  held.resolve()
  await page.getByRole('switch').first().waitFor()
  for (const path of ['/api/v1/projects/shop/matrix', '/console/session'])
    assert.equal(requested.filter((each) => each === path).length, 1, path)
  await page.context().close()
})
