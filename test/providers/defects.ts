import { LANGUAGES, type Language } from './build.ts'
import type { Answer, Case, Mode } from './cases.ts'
import { KNOWN, type Known } from './known.ts'
import { packageOf } from './packages.ts'

const HEAD = `# Defects of published providers

Where a published provider deviates from flagd's test bed, a test of ours (\`test/providers/known.ts\`) requires exactly this deviation, so that a release without it is noticed. Each entry has a case to report: the flag is one of [flagd-testbed](https://github.com/open-feature/flagd-testbed), or of \`test/providers/error-cases.ts\` (origin "errors"). Written by \`test/providers/matrix.ts\`.
`
const TEXT_MAX = 300

/** The page: every known defect with the provider and version, and the first case that shows it. */
export function defectsPage(cases: readonly Case[]): string {
  return `${HEAD}${LANGUAGES.map((language) => section(language, cases)).join('')}`
}

function section(language: Language, cases: readonly Case[]): string {
  const entries = KNOWN.filter((known) => known.language === language)
  return `\n## ${language}\n${entries.map((known) => entryOf(known, entries, cases)).join('')}`
}

function entryOf(known: Known, all: readonly Known[], cases: readonly Case[]): string {
  const { language, modes, why, instead } = known
  const packages = new Set(
    modes.map((mode) => packageOf(language, mode)).map(({ name, version }) => `\`${name}\` ${version}`),
  )
  const first = cases.find((one) => modes.some((mode) => appliesTo(known, one, { all, mode })))
  const lines = [`\n### ${capital(why)}\n`, `- ${[...packages].join(', ')}; mode ${modes.join(', ')}`]
  if (first) {
    const { key, type, default: fallback, context, origin, expected } = first
    lines.push(
      `- Case: flag \`${key}\`, requested as ${type} with the default ${code(fallback)}, context ${code(context)} (${origin})`,
      `- Expected: ${code(expected)}`,
      ...(instead ? [`- Instead: ${code({ ...expected, ...instead(first) } satisfies Answer)}`] : []),
    )
  }
  return `${lines.join('\n')}\n`
}

/** The first matching entry of a language and mode applies. */
function appliesTo(known: Known, one: Case, { all, mode }: { all: readonly Known[]; mode: Mode }): boolean {
  if (!known.modes.includes(mode) || (mode === 'in-process' && one.isRemote)) return false
  return all.filter(({ modes }) => modes.includes(mode)).find((entry) => entry.cases(one)) === known
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

function code(value: unknown): string {
  const text = JSON.stringify(value)
  return `\`${text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text}\``
}
