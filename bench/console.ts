// The flag list of the console with 5,000 flags in three environments, in Chromium: the time from the address to the first rows, and from a
// key in the query box to the result; and, with an empty cache on an emulated network and processor, to the first painted rows and to the
// largest contentful paint.
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
const PAINTS = 5
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

/**
 * The largest contentful paint (https://w3c.github.io/largest-contentful-paint/) and the first painted rows of the list with an empty cache.
 * The page is left alone until its rows are painted: Playwright's waiting for an element takes time of the slowed processor.
 */
async function firstPaint(browser: Browser, url: string): Promise<FirstPaint> {
  const context = await browser.newContext({ extraHTTPHeaders: { authorization: `Bearer ${ADMIN_KEY}` } })
  await context.addInitScript({ content: OBSERVE_PAINTS })
  const page = await context.newPage()
  const client = await context.newCDPSession(page)
  await client.send('Network.enable')
  await client.send('Network.emulateNetworkConditions', FAST_3G)
  await client.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWDOWN })
  const painted = page.waitForEvent('console', (message) => message.text() === ROWS_PAINTED)
  await page.goto(url, { waitUntil: 'commit' })
  await painted
  await page.waitForTimeout(SETTLED_MS)
  const paint: FirstPaint = JSON.parse(await page.evaluate('JSON.stringify(paint)'))
  await context.close()
  return paint
}

/**
 * Times in milliseconds, `size` in square pixels. `element` is that of the largest paint. `requests` and `kilobytes` were received before the
 * rows were painted, without the page itself.
 */
type FirstPaint = {
  readonly rows: number
  readonly largest: number
  readonly size: number
  readonly element: string
  readonly requests: number
  readonly kilobytes: number
}

const ROWS_PAINTED = 'rows painted'
/** The paint follows the callbacks of its frame, and a message is delivered after it. */
const OBSERVE_PAINTS = `
const paint = globalThis.paint = {}
new PerformanceObserver((list) => {
  for (const { startTime: largest, size, element } of list.getEntries())
    Object.assign(paint, { largest, size, element: element
      ? element.localName + ' "' + element.textContent + '"'
      : 'the placeholder "' + document.querySelector('[placeholder]')?.placeholder + '"' })
}).observe({ type: 'largest-contentful-paint', buffered: true })
const { port1, port2 } = new MessageChannel()
port1.onmessage = () => {
  const received = performance.getEntriesByType('resource').filter(({ responseEnd }) => responseEnd > 0)
  const kilobytes = received.reduce((sum, { transferSize }) => sum + transferSize, 0) / 1_000
  Object.assign(paint, { rows: performance.now(), requests: received.length, kilobytes })
  console.debug('${ROWS_PAINTED}')
}
const rows = new MutationObserver(() => {
  if (!document.querySelector('[role=row] [role=switch]')) return
  rows.disconnect()
  requestAnimationFrame(() => port2.postMessage(''))
})
rows.observe(document, { childList: true, subtree: true })
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

const describePaint = ({ rows, largest, size, element, requests, kilobytes }: FirstPaint) =>
  `  rows ${rows.toFixed(0)} ms after ${requests} requests with ${kilobytes.toFixed(1)} KB; largest ${largest.toFixed(0)} ms: ${element}, ${size} px²`

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
  const paints: FirstPaint[] = []
  for (let load = 0; load < PAINTS; load++)
    paints.push(await firstPaint(browser, `${listening.address}/console/p/big/flags`))
  const [first, key] = [median(rows), median(keys)]
  const [painted, paint] = [median(paints.map(({ rows }) => rows)), median(paints.map(({ largest }) => largest))]
  const worst = Math.max(...keys)
  process.stdout.write(`${JSON.stringify(describeMachine())}
${FLAGS} flags × ${ENVIRONMENTS.length} environments, ${ROUNDS} rounds, assets in the browser's cache
first rows: median ${first.toFixed(0)} ms (at most ${FIRST_ROWS_MS_MAX})
key to result: median ${key.toFixed(1)} ms, worst of ${keys.length} ${worst.toFixed(1)} ms (median at most ${KEY_MS_MAX})
empty cache, fast 3G, ${CPU_SLOWDOWN} × slower processor, median of ${PAINTS}: rows painted ${painted.toFixed(0)} ms, largest contentful paint ${paint.toFixed(0)} ms (each at most ${PAINT_MS_MAX})
${paints.map(describePaint).join('\n')}
`)
  const isSlow = first > FIRST_ROWS_MS_MAX || key > KEY_MS_MAX || Math.max(painted, paint) > PAINT_MS_MAX
  if (process.argv.includes('--check') && isSlow) process.exitCode = 1
} finally {
  await browser.close()
  await listening.close()
  await database.stop()
}
