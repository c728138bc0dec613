import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LANGUAGES } from '../providers/build.ts'
import { makeCases } from '../providers/cases.ts'
import { defectsPage } from '../providers/defects.ts'
import { KNOWN } from '../providers/known.ts'
import { packageOf, providersOf } from '../providers/packages.ts'
import { withConformance } from '../support/conformance.ts'

const DOCS = join(import.meta.dirname, '../../docs')
const page = readFileSync(join(DOCS, 'providers.md'), 'utf8')
const defects = readFileSync(join(DOCS, 'providers-defects.md'), 'utf8')
const [, matrix = ''] = /<!-- matrix -->\n([\s\S]*)<!-- \/matrix -->/.exec(page) ?? []
const rows = matrix
  .trim()
  .split('\n')
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim()))

for (const language of LANGUAGES)
  for (const mode of ['ofrep', 'rpc', 'in-process'] as const)
    test(`the matrix has the version and the defects of ${language}, ${mode}, as they are tested`, () => {
      const { name, version } = packageOf(language, mode)
      const own = rows.find(([, first, provider, , way]) => {
        const isOwn = first === `${language}, SDK ${providersOf(language).sdk.version}`
        return isOwn && provider === `\`${name}\`` && way === mode
      })
      assert.ok(own, `npm run providers | node test/providers/matrix.ts writes the row of ${language}, ${mode}`)
      const [, , , written, , onNode, onBun, known = ''] = own
      assert.equal(written, version)
      for (const result of [onNode, onBun]) assert.match(result ?? '', /^((\d+) of \2|not recorded)$/)
      const count = KNOWN.filter((one) => one.language === language && one.modes.includes(mode)).length
      assert.equal(Number(/\d+/.exec(known)?.[0]), count)
    })

test('the matrix has no other rows', () => {
  assert.equal(rows.length, LANGUAGES.length * 3)
})

withConformance('the page of defects', () => {
  test('has every known defect with a case, as the tests require it', () => {
    assert.equal(defects, defectsPage(makeCases()), 'npm run providers | node test/providers/matrix.ts writes it')
  })
})
