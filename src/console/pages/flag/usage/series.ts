import { CODE_DEFAULT } from '../../../../flag/verbs.ts'

const HOUR_MS = 3_600_000

/** Evaluations of one hour with one result. */
type UsageItem = {
  readonly hour: string
  readonly variant: string | null
  readonly reason: string
  readonly count: number
}

type UsageRange = {
  readonly from: string
  readonly to: string
  /** The variants of the flag in their order, which gives each its colour. */
  readonly variants: readonly string[]
}

export type UsageSeries = {
  readonly name: string
  readonly color: string
  readonly counts: readonly number[]
  readonly sum: number
}

/** Counts by variant for each hour of the range, hours without evaluations included; the most frequent variant first. */
export function seriesOf(
  items: readonly UsageItem[],
  { from, to, variants }: UsageRange,
): { readonly hours: number[]; readonly series: readonly UsageSeries[] } {
  const start = Date.parse(from)
  const length = Math.max(1, Math.ceil((Date.parse(to) - start) / HOUR_MS))
  const hours = Array.from({ length }, (_, hour) => (start + hour * HOUR_MS) / 1_000)
  const counts = new Map<string, number[]>()
  for (const { hour, variant, reason, count } of items) {
    const name = variant ?? (reason === 'DISABLED' || reason === 'DEFAULT' ? CODE_DEFAULT : reason.toLowerCase())
    const own = counts.get(name) ?? Array.from({ length }, () => 0)
    const place = Math.floor((Date.parse(hour) - start) / HOUR_MS)
    if (place >= 0 && place < length) own[place] = (own[place] ?? 0) + count
    counts.set(name, own)
  }
  const series = [...counts].map(([name, own]) => ({
    name,
    counts: own,
    sum: own.reduce((sum, count) => sum + count, 0),
  }))
  series.sort((one, other) => other.sum - one.sum)
  const names = [...new Set([...variants, ...series.map(({ name }) => name)])]
  const colorOf = (name: string) => `var(--variant-${(names.indexOf(name) % 5) + 1})`
  return { hours, series: series.map((each) => ({ ...each, color: colorOf(each.name) })) }
}

/** The share of each variant among all evaluations, from 0 to 1. */
export function sharesOf(items: readonly UsageItem[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  let total = 0
  for (const { variant, count } of items) {
    total += count
    if (variant !== null) counts.set(variant, (counts.get(variant) ?? 0) + count)
  }
  return new Map([...counts].map(([variant, count]) => [variant, count / total]))
}
