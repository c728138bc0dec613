import assert from 'node:assert/strict'
import { test } from 'node:test'
import { consoleOfFile, findingsOf, skip } from '../support/browser.ts'
import { ADMIN_KEY } from '../support/service.ts'

const it = consoleOfFile()

/** Pages by their address, with a text that only the loaded page has. */
const PAGES = [
  ['/console/', 'rollout'],
  ['/console/sign-in', 'Sign in to Flagstaff'],
  ['/console/p/shop/flags', 'rollout'],
  ['/console/p/shop/flags?q=plain', 'plain'],
  ['/console/p/shop/flags/rollout/live', 'rollout'],
  ['/console/p/shop/segments', 'Segments'],
  ['/console/p/shop/segments/live/staff', 'staff'],
  ['/console/p/shop/compare', 'Nothing differs'],
  ['/console/p/shop/compare?source=live&target=test&flag=plain', 'Only plain'],
  ['/console/p/shop/changes', 'Today'],
  ['/console/p/shop/changes?subject=environment&from=2000-01-01T00:00:00Z', 'Today'],
  ['/console/settings?project=shop', 'Environments of Shop'],
  ['/console/keys', 'No keys yet'],
  ['/console/welcome', 'Welcome'],
] as const

for (const [path, text] of PAGES)
  for (const colorScheme of ['light', 'dark'] as const)
    test(`${path} opens by its address in ${colorScheme}, without findings of axe, complaints of the browser or horizontal scroll`, {
      skip,
    }, async () => {
      const { page, complaints } = await it.visit(path, { colorScheme, reducedMotion: 'reduce' })
      await page.getByText(text).first().waitFor()
      await page.waitForLoadState('networkidle').catch(() => undefined)
      assert.deepEqual(await findingsOf(page), [])
      await page.setViewportSize({ width: 320, height: 740 })
      assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false, 'scrolls at 320 px')
      assert.deepEqual(complaints, [])
      await page.context().close()
    })

test('one signs in with a key, by keyboard alone, and is then on the flags', { skip }, async () => {
  const { page } = await it.visit('/console/p/shop/flags', { isSignedIn: false })
  await page.getByLabel('API key').waitFor()
  assert.deepEqual(await findingsOf(page), [])
  await page.keyboard.type('wrong')
  await page.keyboard.press('Enter')
  await page.getByText('This key is not known').waitFor()
  await page.getByLabel('API key').fill(ADMIN_KEY)
  await page.keyboard.press('Enter')
  await page.getByText('rollout').first().waitFor()
  assert.equal(await page.evaluate('document.cookie'), '', 'no script can read the session')
  await page.context().close()
})

/** Addresses that someone who is not signed in may follow, each with a text that only its page has. */
const LINKS = [
  ['/console', 'rollout'],
  ['/console/', 'rollout'],
  ['/console/p/shop/flags?q=plain&sort=created', 'Newest first'],
  ['/console/p/shop/flags/rollout/test?tab=history', 'Current version'],
  ['/console/p/shop/segments/live/staff', 'Segment in'],
  ['/console/p/shop/compare?source=live&target=test&flag=plain', 'Only plain'],
  ['/console/p/shop/changes?subject=environment', 'Clear'],
  ['/console/settings?project=shop', 'Environments of Shop'],
  ['/console/keys', 'No keys yet'],
] as const

for (const [path, text] of LINKS)
  test(`after the sign-in, ${path} leads where it points`, { skip }, async () => {
    const { page } = await it.visit(path, { isSignedIn: false })
    await page.getByLabel('API key').fill(ADMIN_KEY)
    await page.keyboard.press('Enter')
    await page.getByText(text).first().waitFor()
    const wanted = path.startsWith('/console/p/') || path.startsWith('/console/s') ? path : undefined
    if (wanted !== undefined) assert.equal(page.url(), it.address + wanted)
    else if (path !== '/console/keys') assert.equal(page.url(), `${it.address}/console/p/shop/flags`)
    await page.context().close()
  })
