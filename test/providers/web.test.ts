import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { build } from 'esbuild'
import { type Browser, chromium, type Page as Tab } from 'playwright-core'
import { withConformance } from '../support/conformance.ts'
import { type Environment, type Launchpad, openLaunchpad, type Server } from '../support/launchpad.ts'
import { RUNTIME } from '../support/process.ts'
import { readSets } from '../support/testbed.ts'
import { ERROR_CASES, ERROR_SET } from './error-cases.ts'
import type { Kind, Page } from './web/page.ts'

const CHROMIUM = '/usr/bin/chromium'
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const EVENT_MS = 30_000
const AWAY_SECONDS = 2
/** Flags for which a provider deviates: version 1's result of all flags contains neither defaults nor errors. */
const DIFFERS: Readonly<Record<Kind, readonly string[]>> = {
  'ofrep-web': [],
  'flagd-web': ['disabled-', 'no-default-', 'no-match-', 'unknown-operator-', 'unknown-reference-', 'missing-variant-'],
}
const CHANGING = { key: 'changing-flag', type: 'string', default: 'neither' } as const

if (!existsSync(CHROMIUM)) {
  process.stderr.write('LEFT OUT: the providers for the web: this machine has no chromium\n')
  test('providers for the web', { skip: 'left out: no chromium' }, () => undefined)
} else withConformance('providers for the web', () => defineTests())

function defineTests(): void {
  let launchpad: Launchpad
  let browser: Browser
  let server: Server
  let origin = ''
  const site = createServer((request, response) => {
    response.setHeader('content-type', request.url === '/page.js' ? 'text/javascript' : 'text/html')
    response.end(request.url === '/page.js' ? script : '<!doctype html><script src="/page.js"></script>')
  })
  let script = ''

  before(async () => {
    script = await bundle()
    site.listen(0, '127.0.0.1')
    await once(site, 'listening')
    origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
    launchpad = await openLaunchpad()
    server = await launchpad.own('cleartext')
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  })
  after(async () => {
    await browser.close()
    site.closeAllConnections()
    site.close()
    await launchpad.close()
  })

  for (const kind of ['ofrep-web', 'flagd-web'] as const)
    describe(`${kind}, service on ${RUNTIME}`, () => {
      test('a page of another origin evaluates, with the headers of tracing libraries', async () => {
        const tab = await openPage(kind, await launchpad.environment(ERROR_SET))
        const cases = ERROR_CASES.filter(({ isRemote }) => !isRemote)
        const answers = await evaluateIn(tab, cases)
        const wrong = cases.flatMap(({ key, type, expected: { value, error } }, at) => {
          const answer = answers[at]
          const isRight = isDeepStrictEqual([answer?.value, answer?.error ?? null], [value, error])
          return isRight ? [] : [{ key, type, value, error, answer }]
        })
        const known = DIFFERS[kind]
        process.stdout.write(`${kind} (${RUNTIME}): ${cases.length} cases, ${wrong.length} known defects\n`)
        for (const name of known)
          assert.ok(
            wrong.some(({ key }) => key.startsWith(name)),
            `${name}: a known defect is gone`,
          )
        const faults = wrong.filter(({ key }) => !known.some((name) => key.startsWith(name)))
        assert.deepEqual(faults, [])
        await tab.close()
      })

      test('a change arrives without a reload, also after a restart of the service', async () => {
        const flag = readSets().get('all')?.flags['changing-flag']
        const environment = await launchpad.environment({ flags: { 'changing-flag': flag } })
        const tab = await openPage(kind, environment)
        await answers(tab, 'foo')
        await launchpad.change(environment)
        await receives(tab, 'PROVIDER_CONFIGURATION_CHANGED')
        await answers(tab, 'bar')
        server.restart(AWAY_SECONDS)
        await launchpad.change(environment)
        await answers(tab, 'foo')
        await tab.close()
      })
    })

  async function bulk(key: string): Promise<number> {
    const headers = { authorization: `Bearer ${key}` }
    const url = `http://127.0.0.1:${server.port}/ofrep/v1/evaluate/flags`
    const response = await fetch(url, { method: 'POST', headers, body: '{}' })
    await response.arrayBuffer()
    return response.status
  }

  async function openPage(kind: Kind, { key }: Environment): Promise<Tab> {
    await until('the key', async () => (await bulk(key)) === 200) // another replica created it
    const tab = await browser.newPage()
    await tab.goto(origin)
    const options = [kind, server.port, key] as const
    await tab.evaluate((options) => (globalThis as unknown as Global).providers.open(...options), options)
    return tab
  }
}

type Global = { readonly providers: Page }

/** The bundle of the page. */
async function bundle(): Promise<string> {
  const entryPoints = [join(import.meta.dirname, 'web/page.ts')]
  const { outputFiles } = await build({ entryPoints, bundle: true, write: false, format: 'iife', platform: 'browser' })
  return outputFiles[0]?.text ?? ''
}

type Asked = Parameters<Page['evaluate']>[0]

const evaluateIn = (tab: Tab, asked: Asked): Promise<ReturnType<Page['evaluate']>> =>
  tab.evaluate((text) => (globalThis as unknown as Global).providers.evaluate(JSON.parse(text)), JSON.stringify(asked))

const eventsOf = (tab: Tab): Promise<string[]> => tab.evaluate(() => (globalThis as unknown as Global).providers.events)

/** Polls the page, not the service: the page must receive changes itself. */
async function until(name: string, isSo: () => Promise<boolean>): Promise<void> {
  const late = performance.now() + EVENT_MS
  while (!(await isSo())) {
    assert.ok(performance.now() < late, `${name}: not within ${EVENT_MS} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const answers = (tab: Tab, value: string): Promise<void> =>
  until(`the answer "${value}"`, async () => (await evaluateIn(tab, [CHANGING]))[0]?.value === value)

const receives = (tab: Tab, event: string): Promise<void> =>
  until(event, async () => (await eventsOf(tab)).includes(event))
