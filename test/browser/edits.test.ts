import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { consoleOfFile, skip, until } from '../support/browser.ts'
import { type Random, randomFrom } from '../support/random.ts'

const it = consoleOfFile()

const PAIRS = Number(process.env['EDIT_PAIRS'] ?? 20)
const PAIR_MS_MAX = 30_000
const SEED = 20
const FLAG = '/api/v1/projects/shop/environments/test/flags/shared'
const NAMES = ['red', 'green', 'blue', 'white']
const RULES = [0, 1]

/** The parts of the flag that are edited: the value of each variant, the compared value of each rule, and the default. */
type Stored = { readonly variants: Record<string, string>; readonly compared: string[]; defaultVariant: string }
/** The index of a part and its new text. */
type Edit = { readonly part: number; readonly text: string }

const PARTS = NAMES.length + RULES.length + 1
const isRule = (part: number): boolean => part >= NAMES.length && part < PARTS - 1

function write(stored: Stored, { part, text }: Edit): void {
  const name = NAMES[part]
  if (name !== undefined) stored.variants[name] = text
  else if (isRule(part)) stored.compared[part - NAMES.length] = text
  else stored.defaultVariant = text
}

const definitionOf = ({ variants, compared, defaultVariant }: Stored) => ({
  state: 'ENABLED',
  variants,
  defaultVariant,
  targeting: {
    if: [{ '==': [{ var: 'plan' }, compared[0]] }, 'red', { '==': [{ var: 'country' }, compared[1]] }, 'green', 'blue'],
  },
})

/** A new text for a part, which differs from the stored one and from the other page's. */
function editOf(stored: Stored, random: Random, side: 1 | 2, pair: number): Edit {
  const part = Math.floor(random() * PARTS)
  const next = (NAMES.indexOf(stored.defaultVariant) + side) % NAMES.length
  return { part, text: part === PARTS - 1 ? (NAMES[next] ?? '') : `${side === 1 ? 'a' : 'b'}${pair}` }
}

/** Makes the edit on the page, as far as the draft. */
async function make(page: Page, { part, text }: Edit): Promise<void> {
  const name = NAMES[part]
  if (name !== undefined) await page.getByLabel(`Value of variant ${name}`).fill(text)
  else if (isRule(part))
    await page
      .getByLabel('Value', { exact: true })
      .nth(part - NAMES.length)
      .fill(text)
  else
    await page
      .locator('label', { hasText: /^Default/ })
      .locator('select')
      .selectOption(text)
  await bar(page).getByText('1 change', { exact: true }).waitFor()
}

const bar = (page: Page) => page.getByRole('region', { name: 'Changes that are not saved' })
const save = (page: Page) => bar(page).getByRole('button', { name: 'Save', exact: true }).click()

/** Saves on the page that comes second: it chooses for a part that both have changed. */
async function saveSecond(page: Page, choice: 'Mine' | 'Theirs', isSamePart: boolean): Promise<void> {
  await save(page)
  const title = isSamePart ? '1 part changed twice' : 'Both changes fit'
  await page.getByRole('heading', { name: title }).waitFor()
  if (isSamePart) await page.getByRole('radio', { name: new RegExp(`^${choice}`) }).check()
  await page.getByRole('button', { name: 'Save both' }).click()
  await bar(page).waitFor({ state: 'detached' })
}

/** Waits until a page without a draft shows what is stored. */
async function follows(page: Page, { variants, compared, defaultVariant }: Stored): Promise<void> {
  const wanted = JSON.stringify([...NAMES.map((name) => variants[name]), ...compared, defaultVariant])
  const shown = `JSON.stringify([
    ...${JSON.stringify(NAMES)}.map((name) => document.querySelector('[aria-label="Value of variant ' + name + '"]')?.value),
    ...[...document.querySelectorAll('input[aria-label="Value"]')].map(({ value }) => value),
    [...document.querySelectorAll('label')].find((label) => label.textContent.startsWith('Default'))?.querySelector('select')?.value,
  ])`
  await until(page, `${shown} === ${JSON.stringify(wanted)}`)
}

test(`two browsers edit one flag in ${PAIRS} random pairs of edits, and no edit is lost`, {
  skip,
  timeout: 60_000 + PAIRS * PAIR_MS_MAX,
}, async () => {
  const stored: Stored = {
    variants: Object.fromEntries(NAMES.map((name) => [name, name])),
    compared: ['pro', 'DE'],
    defaultVariant: 'white',
  }
  const random = randomFrom(SEED)
  assert.equal((await it.call('PUT', FLAG, definitionOf(stored))).status, 200)
  const visits = await Promise.all([1, 2].map(() => it.visit('/console/p/shop/flags/shared/test')))
  const [first, second] = visits.map(({ page }) => page) as [Page, Page]
  for (let pair = 0; pair < PAIRS; pair++) {
    await Promise.all([follows(first, stored), follows(second, stored)])
    const [one, other] = [editOf(stored, random, 1, pair), editOf(stored, random, 2, pair)]
    const choice = random() < 0.5 ? 'Mine' : 'Theirs'
    await Promise.all([make(first, one), make(second, other)])
    await save(first)
    await bar(first).waitFor({ state: 'detached' })
    await saveSecond(second, choice, one.part === other.part)
    write(stored, one)
    if (one.part !== other.part || choice === 'Mine') write(stored, other)
    const said = `pair ${pair}: ${JSON.stringify([one, other, choice])}`
    assert.deepEqual(await (await it.call('GET', FLAG)).json(), definitionOf(stored), said)
  }
  await Promise.all(visits.map(({ page }) => page.context().close()))
})
