// The flag list of the console with 5,000 flags in three environments, in Chromium: the time from the address to the first rows, and from a
// key in the query box to the result; and the largest contentful paint with an empty cache, on an emulated network and processor.
// The service runs in this process. --check fails above the limits.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { openListening } from '../test/support/listening.ts'
import { startTestServer } from '../test/support/server.ts'
import { ADMIN_KEY } from '../test/support/service.ts'
import { describeMachine } from './machine.ts'
import { median } from './processor.ts'

const FLAGS = 5_000
const ENVIRONMENTS = ['development', 'staging', 'production']
const ROUNDS = 7
const FIRST_ROWS_MS_MAX = 300
const KEY_MS_MAX = 16
const PAINTS = 3
const PAINT_MS_MAX = 1_000
/** "Fast 3G" of Chromium's developer tools: 1.6 Mbit/s down, 750 kbit/s up, 150 ms. */
const FAST_3G = { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 93_750 }
const CPU_SLOWDOWN = 4
/** No larger paint follows later than this after the rows. */
const SETTLED_MS = 2_000
const PROJECT = '/api/v1/projects/big'

const definitionOf = (index: number) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: index % 3 === 0 ? 'on' : 'off',
  ...(index % 4 === 0 && {
    targeting: {
      fractional: [
        ['on', index % 100],
        ['off', 100 - (index % 100)],
      ],
    },
  }),
  ...(index % 5 === 0 && { targeting: { if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on'] } }),
})

/** Milliseconds from the start of the navigation until rows are in the document. */
async function firstRows(page: Page, url: string): Promise<number> {
  await page.goto(url)
  await page.waitForSelector('[role=row] [role=switch]')
  return Number(await page.locator('html').getAttribute('data-rows-at'))
}

/** Milliseconds from each key in the query box until the document has changed. */
async function keyTimes(page: Page): Promise<number[]> {
  await page.locator('input[type=search]').click()
  for (const key of 'flag-12 is:on') await page.keyboard.press(key === ' ' ? 'Space' : key)
  return JSON.parse((await page.locator('html').getAttribute('data-key-ms')) ?? '[]')
}

/** Milliseconds to the largest contentful paint (https://w3c.github.io/largest-contentful-paint/) of the list with an empty cache. */
async function largestPaint(browser: Browser, url: string): Promise<LargestPaint> {
  const context = await browser.newContext({ extraHTTPHeaders: { authorization: `Bearer ${ADMIN_KEY}` } })
  await context.addInitScript({ content: OBSERVE_PAINTS })
  const page = await context.newPage()
  const client = await context.newCDPSession(page)
  await client.send('Network.enable')
  await client.send('Network.emulateNetworkConditions', FAST_3G)
  await client.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWDOWN })
  await page.goto(url)
  await page.waitForSelector('[role=row] [role=switch]')
  await page.waitForTimeout(SETTLED_MS)
  const paint: LargestPaint = JSON.parse((await page.locator('html').getAttribute('data-paint')) ?? '')
  await context.close()
  return paint
}

/** `size` in square pixels. */
type LargestPaint = { readonly milliseconds: number; readonly size: number; readonly element: string }

const OBSERVE_PAINTS = `
new PerformanceObserver((list) => {
  for (const { startTime: milliseconds, size, element } of list.getEntries()) {
    const text = element ? element.localName + ' "' + element.textContent + '"' : 'text in a field'
    document.documentElement.dataset.paint = JSON.stringify({ milliseconds, size, element: text })
  }
}).observe({ type: 'largest-contentful-paint', buffered: true })
`

/** Runs in the page, before its scripts. */
const OBSERVE = `
const times = []
let pressedAt = 0
addEventListener('input', () => { pressedAt = performance.now() }, { capture: true })
new MutationObserver(() => {
  const { dataset } = document.documentElement
  if (dataset.rowsAt === undefined && document.querySelector('[role=row] [role=switch]')) dataset.rowsAt = performance.now()
  if (pressedAt === 0) return
  times.push(performance.now() - pressedAt)
  dataset.keyMs = JSON.stringify(times)
  pressedAt = 0
}).observe(document, { childList: true, subtree: true, characterData: true })
`

execFileSync(process.execPath, [join(import.meta.dirname, '../image/console.ts')], { stdio: 'inherit' })
const database = await startTestServer()
process.env['TEST_DATABASE_URL'] = database.url
const listening = await openListening({ dependencies: { console: { publicPath: '' } } })
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
try {
  const { call } = listening.service
  await call('POST', '/api/v1/projects', { body: { key: 'big' } })
  const flags = Object.fromEntries(Array.from({ length: FLAGS }, (_, index) => [`flag-${index}`, definitionOf(index)]))
  for (const environment of ENVIRONMENTS) {
    await call('POST', `${PROJECT}/environments`, { body: { key: environment } })
    const { status, text } = await call('PUT', `${PROJECT}/environments/${environment}/flagset`, { body: { flags } })
    if (status !== 200) throw new Error(`The flags of ${environment} were refused: ${text}`)
  }
  const context = await browser.newContext({ extraHTTPHeaders: { authorization: `Bearer ${ADMIN_KEY}` } })
  await context.addInitScript({ content: OBSERVE })
  const page = await context.newPage()
  const rows: number[] = []
  const keys: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const milliseconds = await firstRows(page, `${listening.address}/console/p/big/flags`)
    if (round === 0) continue // the first fills the caches of browser and service
    rows.push(milliseconds)
    keys.push(...(await keyTimes(page)))
  }
  const paints: LargestPaint[] = []
  for (let load = 0; load < PAINTS; load++)
    paints.push(await largestPaint(browser, `${listening.address}/console/p/big/flags`))
  const [first, key, paint] = [median(rows), median(keys), median(paints.map(({ milliseconds }) => milliseconds))]
  const worst = Math.max(...keys)
  process.stdout.write(`${JSON.stringify(describeMachine())}
${FLAGS} flags × ${ENVIRONMENTS.length} environments, ${ROUNDS} rounds, assets in the browser's cache
first rows: median ${first.toFixed(0)} ms (at most ${FIRST_ROWS_MS_MAX})
key to result: median ${key.toFixed(1)} ms, worst of ${keys.length} ${worst.toFixed(1)} ms (median at most ${KEY_MS_MAX})
largest contentful paint, empty cache, fast 3G, ${CPU_SLOWDOWN} × slower processor: median of ${PAINTS} ${paint.toFixed(0)} ms (at most ${PAINT_MS_MAX})
${paints.map(({ milliseconds, size, element }) => `  ${milliseconds.toFixed(0)} ms: ${element}, ${size} px²`).join('\n')}
`)
  const isSlow = first > FIRST_ROWS_MS_MAX || key > KEY_MS_MAX || paint > PAINT_MS_MAX
  if (process.argv.includes('--check') && isSlow) process.exitCode = 1
} finally {
  await browser.close()
  await listening.close()
  await database.stop()
}
