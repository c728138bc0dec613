import { useQuery } from '@tanstack/preact-query'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Api } from '../../../api/gen/api.ts'
import { Button } from '../../../parts/controls/button.tsx'
import { Empty, Spinner } from '../../../parts/display/empty.tsx'
import { Time } from '../../../parts/display/time.tsx'
import { type FLAG_PATH, type FlagPlace, usageQuery } from '../queries.ts'
import type { Chart, ChartData } from './chart.ts'
import { seriesOf, type UsageSeries } from './series.ts'
import * as css from './usage.module.css'

const RANGES = [
  [24, '24 hours'],
  [168, '7 days'],
  [744, '31 days'],
] as const

type UsagePanelProps = {
  readonly place: FlagPlace
  /** In the order of the definition. */
  readonly variants: readonly string[]
}

/** How often the flag was evaluated, by hour and variant. */
export function UsagePanel({ place, variants }: UsagePanelProps) {
  const [hours, setHours] = useState(24)
  const usage = useQuery(usageQuery(place, hours))
  return (
    <section class={css.usage} aria-label="Usage">
      <div class={css.ranges}>
        {RANGES.map(([value, name]) => (
          <Button
            key={value}
            size="small"
            kind={value === hours ? 'plain' : 'quiet'}
            aria-pressed={value === hours}
            onClick={() => setHours(value)}
          >
            {name}
          </Button>
        ))}
      </div>
      {usage.isPending ? (
        <Spinner />
      ) : usage.error ? (
        <p role="alert">{usage.error.message}</p>
      ) : (
        <Report report={usage.data} variants={variants} />
      )}
    </section>
  )
}

type UsageReport = Api[`GET ${typeof FLAG_PATH}/usage`]['response']

type ReportProps = Pick<UsagePanelProps, 'variants'> & { readonly report: UsageReport }

function Report({ report, variants }: ReportProps) {
  const { from, to, total, lastEvaluatedAt, syncedInProcessAt, items } = report
  const data = seriesOf(items, { from, to, variants })
  return (
    <>
      <p>
        <strong>{total.toLocaleString('en')}</strong> evaluations.{' '}
        {lastEvaluatedAt ? (
          <>
            Last evaluated <Time at={lastEvaluatedAt} />.
          </>
        ) : (
          'Never evaluated.'
        )}{' '}
        {syncedInProcessAt && (
          <span class={css.muted}>
            Providers that evaluate in process last read this environment <Time at={syncedInProcessAt} />; their
            evaluations are not counted.
          </span>
        )}
      </p>
      {total === 0 ? (
        <Empty icon="chart" title="No evaluations in this time">
          The tab “Use” has code that evaluates this flag.
        </Empty>
      ) : (
        <>
          <Bars data={data} />
          <Legend series={data.series} total={total} />
        </>
      )}
    </>
  )
}

/** Draws with a library that is loaded here for the first time. */
function Bars({ data }: { data: ChartData }) {
  const host = useRef<HTMLDivElement>(null)
  const chart = useRef<Chart>()
  const isGone = useRef(false)
  useEffect(() => {
    const draw = async () => {
      const { createChart } = await import('./chart.ts')
      if (isGone.current || !host.current) return
      if (chart.current) chart.current.setData(data)
      else chart.current = createChart(host.current, data)
    }
    void draw()
  }, [data])
  useEffect(
    () => () => {
      isGone.current = true
      chart.current?.destroy()
    },
    [],
  )
  return <div ref={host} class={css.chart} aria-hidden="true" />
}

/** The figures of the chart as a table, which screen readers use instead of it. */
function Legend({ series, total }: { series: readonly UsageSeries[]; total: number }) {
  return (
    <table class={css.legend}>
      <caption class="visuallyHidden">Evaluations by variant</caption>
      <thead>
        <tr>
          <th scope="col">Variant</th>
          <th scope="col">Evaluations</th>
          <th scope="col">Share</th>
        </tr>
      </thead>
      <tbody>
        {series.map(({ name, sum }, index) => (
          <tr key={name}>
            <td>
              <span class={css.swatch} data-color={(index % 5) + 1} aria-hidden="true" /> {name}
            </td>
            <td>{sum.toLocaleString('en')}</td>
            <td>{Number(((100 * sum) / total).toFixed(1))} %</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
