import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { startService } from './process.ts'
import { ADMIN_KEY } from './service.ts'
import { openStore } from './store.ts'

/** Debian's Chromium. */
const CHROMIUM = '/usr/bin/chromium'
export const HAS_CHROMIUM = existsSync(CHROMIUM)
/** Why the tests with a browser are left out; false: they are not. */
export const skip = HAS_CHROMIUM ? false : 'this machine has no Chromium'
const AXE = HAS_CHROMIUM ? readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8') : ''
/** Longest wait for anything on a page. */
const WAIT_MS = 10_000
const POLL_MS = 20
/** A boolean flag that is off. */
export const SWITCH = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
const SHARES = [
  ['on', 10],
  ['off', 90],
]

/** A page with all that its browser complained about: violations of the content security policy, errors, failed requests. */
type Visit = { readonly page: Page; readonly complaints: readonly string[] }

type ConsoleService = {
  /** By the name localhost, which browsers trust with `Secure` cookies. */
  readonly address: string
  /** Calls the management API with the administrator's key. */
  call(method: string, path: string, body?: unknown): Promise<Response>
  /** A page of a browser of its own; signed in unless `isSignedIn` is false. */
  visit(path: string, options?: BrowserContextOptions & { isSignedIn?: boolean }): Promise<Visit>
}

/** The console of a test file: it opens before the first test and closes after the last. */
export function consoleOfFile(): ConsoleService {
  let opened: Awaited<ReturnType<typeof openConsole>> | undefined
  before(async () => {
    if (HAS_CHROMIUM) opened = await openConsole()
  })
  after(() => opened?.close())
  const service = () => {
    if (!opened) throw new Error('The console is open only within tests')
    return opened
  }
  return {
    get address() {
      return service().address
    },
    call: (...request) => service().call(...request),
    visit: (...request) => service().visit(...request),
  }
}

/** The real service on the runtime of this test, with a real database, a project with flags, and a browser. */
async function openConsole(): Promise<ConsoleService & { close(): Promise<void> }> {
  const store = await openStore()
  const service = await startService({
    DATABASE_URL: store.url,
    FLAGSTAFF_ADMIN_KEY: ADMIN_KEY,
    FLAGSTAFF_ACCESS_LOG: 'none',
  })
  const address = service.address.replace('127.0.0.1', 'localhost')
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] })
  const call = (method: string, path: string, body?: unknown) =>
    fetch(`${service.address}${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  await seed(call)
  const storageState = await signedIn(browser, address)
  return {
    address,
    call,
    visit: async (path, { isSignedIn = true, ...options } = {}) => {
      const context = await browser.newContext({ ...options, ...(isSignedIn && { storageState }) })
      context.setDefaultTimeout(WAIT_MS)
      const page = await context.newPage()
      const complaints: string[] = []
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(String(error)))
      await page.goto(address + path)
      return { page, complaints }
    },
    close: async () => {
      await browser.close()
      service.child.kill('SIGKILL')
      await service.ended
      await store.close()
    },
  }
}

/**
 * The cookies of a session, in a browser where `live` was open last. It begins once for all pages, because an address may sign in only some
 * times a minute.
 */
async function signedIn(browser: Browser, address: string) {
  const context = await browser.newContext()
  const headers = { 'x-flagstaff-console': '1', 'sec-fetch-site': 'same-origin' }
  await context.request.post(`${address}/console/session`, { data: { key: ADMIN_KEY }, headers })
  const page = await context.newPage()
  await page.goto(`${address}/console/p/shop/flags/plain/live`)
  await page.locator('[aria-current]').filter({ hasText: 'Live' }).waitFor()
  const state = await context.storageState()
  await context.close()
  return state
}

/** A project `shop` with the environments `test` and `live`, which is protected; each has three flags and the segment `staff`. */
async function seed(call: ConsoleService['call']): Promise<void> {
  const environments = '/api/v1/projects/shop/environments'
  await call('POST', '/api/v1/projects', { key: 'shop', name: 'Shop' })
  await call('POST', environments, { key: 'test', name: 'Test' })
  await call('POST', environments, { key: 'live', name: 'Live', protected: true })
  const flags = {
    plain: SWITCH,
    rollout: { ...SWITCH, targeting: { fractional: SHARES } },
    held: { ...SWITCH, targeting: { if: [true, 'off', { '==': [{ var: 'plan' }, 'pro'] }, 'on'] } },
  }
  for (const environment of ['test', 'live']) {
    await call('PUT', `${environments}/${environment}/segments/staff`, { rule: { '==': [{ var: 'team' }, 'shop'] } })
    for (const [key, flag] of Object.entries(flags))
      await call('PUT', `${environments}/${environment}/flags/${key}`, flag)
  }
}

/** Waits until a JavaScript expression is true in the page. The page's policy does not let Playwright do this with a text. */
export async function until(page: Page, expression: string): Promise<void> {
  const end = performance.now() + WAIT_MS
  while (!(await page.evaluate(expression))) {
    if (performance.now() > end) throw new Error(`Never true on the page: ${expression}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** The bar of a draft: it counts the changes and saves them. */
export const barOf = (page: Page) => page.getByRole('region', { name: 'Changes that are not saved' })

/** The findings of axe on a page, by rule with the places (https://dequeuniversity.com/rules/axe). */
export async function findingsOf(page: Page): Promise<string[]> {
  // Not as a script element, which the page's policy would refuse.
  const script = `${AXE}; axe.run().then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target }) => target.join(' ')).join(', ')))`
  return page.evaluate(script) as Promise<string[]>
}
