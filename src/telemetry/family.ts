import type { Exemplar } from './tally.ts'

/** One number of a metric. */
export type Sample = {
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
  /** Which part of a histogram it is. */
  readonly part?: '_bucket' | '_sum' | '_count'
  readonly exemplar?: Exemplar | undefined
}
/** All samples of one name, as Prometheus understands them. */
export type Family = {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samples: readonly Sample[]
}
