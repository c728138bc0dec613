import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type ConsoleService, HAS_CHROMIUM, openConsole } from '../support/browser.ts'

let it: ConsoleService
before(async () => {
  if (HAS_CHROMIUM) it = await openConsole()
})
after(async () => {
  if (HAS_CHROMIUM) await it.close()
})

const KB = 1_024
/** Most bytes that a page loads, compressed by gzip. */
const BUDGETS = [
  ['/console/p/shop/flags', 'rollout', { js: 90 * KB, css: 15 * KB }],
  ['/console/p/shop/flags/rollout/live', 'rollout', { js: 150 * KB, css: 15 * KB }],
] as const

for (const [path, text, budget] of BUDGETS)
  test(`${path} loads at most ${budget.js / KB} KB of scripts and ${budget.css / KB} KB of styles`, {
    skip: HAS_CHROMIUM ? false : 'this machine has no Chromium',
  }, async () => {
    const { page } = await it.visit(path)
    await page.getByText(text).first().waitFor()
    const loaded: string[] = JSON.parse(
      await page.evaluate("JSON.stringify(performance.getEntriesByType('resource').map(({ name }) => name))"),
    )
    for (const kind of ['js', 'css'] as const) {
      const files = [...new Set(loaded.filter((name) => name.endsWith(`.${kind}`)))]
      const sizes = await Promise.all(
        files.map(async (name) => gzipSync(await (await fetch(name)).bytes(), { level: 9 }).length),
      )
      const total = sizes.reduce((sum, size) => sum + size, 0)
      assert.ok(total > 0 && total <= budget[kind], `${kind}: ${total} bytes in ${files.length} files`)
    }
    await page.context().close()
  })
