// npm run providers | node test/providers/matrix.ts: writes the results of the run into docs/providers.md, and the known defects with a
// case of each into docs/providers-defects.md. A provider that the run left out is "not recorded".
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { LANGUAGES, type Language } from './build.ts'
import { type Mode, makeCases } from './cases.ts'
import { defectsPage } from './defects.ts'
import { KNOWN } from './known.ts'
import { packageOf, providersOf } from './packages.ts'

const DOCS = join(import.meta.dirname, '../../docs')
const MODES: readonly Mode[] = ['ofrep', 'rpc', 'in-process']
const RUNTIMES = ['node', 'bun']
const RESULT = /^(\w+) ([\w-]+) \((node|bun)\): (\d+) cases, (\d+) faults, (\d+) known defects of it/gm

type Result = { readonly cases: number; readonly faults: number; readonly defects: number }

if (import.meta.main) {
  const output = await text(process.stdin)
  process.stdout.write(output)
  const page = readFileSync(join(DOCS, 'providers.md'), 'utf8')
  const next = page.replace(/(<!-- matrix -->\n)[\s\S]*(<!-- \/matrix -->)/, `$1${matrix(resultsIn(output))}$2`)
  writeFileSync(join(DOCS, 'providers.md'), next)
  writeFileSync(join(DOCS, 'providers-defects.md'), defectsPage(makeCases()))
}

/** The results of each language, mode and runtime, as the tests print them. */
function resultsIn(output: string): ReadonlyMap<string, Result> {
  const found = [...output.matchAll(RESULT)].map(([, language, mode, runtime, cases, faults, defects]) => {
    const result = { cases: Number(cases), faults: Number(faults), defects: Number(defects) }
    return [`${language} ${mode} ${runtime}`, result] as const
  })
  return new Map(found)
}

function matrix(results: ReadonlyMap<string, Result>): string {
  const rows = LANGUAGES.flatMap((language) => MODES.map((mode) => rowOf(language, mode, results)))
  const head = '| language | provider | version | mode | cases right, service on Node | on Bun | known defects |'
  return `${head}\n|---|---|---|---|---:|---:|---:|\n${rows.join('\n')}\n`
}

function rowOf(language: Language, mode: Mode, results: ReadonlyMap<string, Result>): string {
  const { name, version } = packageOf(language, mode)
  const cells = RUNTIMES.map((runtime) => {
    const result = results.get(`${language} ${mode} ${runtime}`)
    if (!result) return 'not recorded'
    return `${result.cases - result.faults} of ${result.cases}`
  })
  const defects = KNOWN.filter((known) => known.language === language && known.modes.includes(mode)).length
  const link = defects === 0 ? '0' : `[${defects}](providers-defects.md#${language})`
  return `| ${language}, SDK ${providersOf(language).sdk.version} | \`${name}\` | ${version} | ${mode} | ${cells.join(' | ')} | ${link} |`
}
