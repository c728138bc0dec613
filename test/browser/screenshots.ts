// npm run screenshots: takes the pictures of README.md from the real console, in trial mode with its samples.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { kill, startService } from '../support/process.ts'

const IMAGES = join(import.meta.dirname, '../../docs/images')
const SIZE = { width: 1280, height: 960 }
/** The first flags of a shop, beside the samples. */
const FLAGS = [
  { key: 'one-click-reorder', type: 'boolean', description: 'Order again from the list of orders', tags: ['web'] },
  { key: 'guest-checkout', type: 'boolean', description: 'Pay without an account', tags: ['web', 'payment'] },
]
const OFF = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
const HELD = { ...OFF, targeting: { if: [true, 'off', { '==': [{ var: 'plan' }, 'pro'] }, 'on'] } }
const CHECKOUT = {
  ...OFF,
  targeting: {
    if: [
      { $ref: 'staff' },
      'on',
      { and: [{ '==': [{ var: 'plan' }, 'pro'] }, { in: [{ var: 'country' }, ['DK', 'NL', 'SE']] }] },
      {
        fractional: [
          ['on', 30],
          ['off', 70],
        ],
      },
    ],
  },
}

const folder = mkdtempSync(join(tmpdir(), 'screenshots-'))
const service = await startService({ FLAGSTAFF_TRIAL_DIR: folder })
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
try {
  mkdirSync(IMAGES, { recursive: true })
  const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' })
  await seed(page)
  const flag = '/console/p/default/flags/new-checkout/development'
  await take(page, 'flags', '/console/p/default/flags', 'text=min-app-version')
  await take(page, 'flag', flag, 'text=Rule 2')
  const contexts = JSON.stringify([{ targetingKey: 'ada', plan: 'pro', country: 'NL' }])
  await page.evaluate(`sessionStorage.setItem('flagstaff:contexts:default', ${JSON.stringify(contexts)})`)
  await take(page, 'explain', `${flag}?tab=explain`, 'text=What would change it?')
} finally {
  await browser.close()
  await kill(service)
  rmSync(folder, { recursive: true, force: true })
}

/** The samples, by the button of the welcome page, and some flags more. */
async function seed(page: Page): Promise<void> {
  await page.goto(`${service.address}/console/welcome`)
  await page.getByRole('button', { name: /sample/i }).click()
  await page.getByRole('button', { name: 'All are there' }).waitFor()
  const send = (method: string, path: string, body: unknown) =>
    fetch(`${service.address}/api/v1/projects/default/${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  for (const flag of FLAGS) await send('POST', 'flags', flag)
  const definitions = { 'new-checkout': CHECKOUT, 'one-click-reorder': OFF, 'guest-checkout': HELD }
  for (const environment of ['development', 'production'])
    for (const [key, definition] of Object.entries(definitions))
      await send('PUT', `environments/${environment}/flags/${key}`, definition)
  await send('PATCH', 'environments/production', { protected: true })
}

async function take(page: Page, name: string, path: string, ready: string): Promise<void> {
  await page.goto(service.address + path)
  await page.waitForSelector(ready)
  await page.waitForLoadState('networkidle').catch(() => undefined)
  await page.screenshot({ path: join(IMAGES, `${name}.png`) })
}
