/** One measurement of a process after a garbage collection: seconds since the start of the load, and a size in bytes. */
export type Sample = { readonly seconds: number; readonly bytes: number }
export type Trend = {
  /** Median of the middle third. */
  readonly bytes: number
  /** From the middle third to the last one, as a share of `bytes`. */
  readonly growth: number
  /** The same for an hour. */
  readonly growthPerHour: number
}

/** Growth in an hour that counts as flat. At 200 requests per second it finds a leak of 20 bytes for each request in 72 MiB. */
export const PER_HOUR_MAX = 0.2
/** Growth that cannot be told from noise, because collectors and allocators return memory in steps. It decides in short runs. */
export const NOISE = 0.02

/** The trend after the first third, in which caches fill and code is compiled. Medians, because single samples are noisy. */
export function trendOf(samples: readonly Sample[]): Trend {
  const end = samples.at(-1)?.seconds ?? 0
  const third = (nth: number) =>
    samples.filter(({ seconds }) => seconds > (end * nth) / 3 && seconds <= (end * (nth + 1)) / 3)
  const [middle, last] = [medianOf(third(1)), medianOf(third(2))]
  const growth = (last.bytes - middle.bytes) / middle.bytes
  return { bytes: middle.bytes, growth, growthPerHour: (growth * 3_600) / (last.seconds - middle.seconds) }
}

export const isFlat = ({ growth, growthPerHour }: Trend): boolean => growth <= NOISE || growthPerHour <= PER_HOUR_MAX

function medianOf(samples: readonly Sample[]): Sample {
  if (samples.length === 0) throw new Error('Cannot find a trend: a third of the run has no sample')
  const at = (values: number[]) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
  return { seconds: at(samples.map(({ seconds }) => seconds)), bytes: at(samples.map(({ bytes }) => bytes)) }
}
