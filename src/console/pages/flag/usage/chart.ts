import uPlot from 'uplot'

/** Evaluations by hour: one count for each hour in each series. */
export type ChartData = {
  /** Begin of each hour, unix seconds, ascending. */
  readonly hours: readonly number[]
  readonly series: readonly { readonly name: string; readonly color: string; readonly counts: readonly number[] }[]
}

export type Chart = { setData(data: ChartData): void; destroy(): void }

const HEIGHT = 240
const HOUR_SECONDS = 3_600

/** Draws stacked bars into `host` and follows its width. Colors are CSS colors or `var(--…)`. */
export function createChart(host: HTMLElement, data: ChartData): Chart {
  let plot = draw(host, data)
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0)
    if (width > 0 && width !== plot.width) plot.setSize({ width, height: HEIGHT })
  })
  observer.observe(host)
  return {
    setData(next) {
      plot.destroy()
      plot = draw(host, next)
    },
    destroy() {
      observer.disconnect()
      plot.destroy()
    },
  }
}

function draw(host: HTMLElement, { hours, series }: ChartData): uPlot {
  const color = colorsOf(host)
  const grid = { stroke: color('var(--line)'), width: 1 }
  const axis = { stroke: color('var(--text-soft)'), grid, ticks: grid, font: '12px system-ui' }
  const bars = uPlot.paths.bars?.({ size: [0.85, 40], align: 1 })
  const options: uPlot.Options = {
    width: Math.max(host.clientWidth, 200),
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: {
      x: { range: (_, min, max) => [min, max + HOUR_SECONDS] },
      y: { range: (_, __, max) => [0, Math.max(max, 1)] },
    },
    axes: [axis, { ...axis, size: 56, values: (_, values) => values.map((value) => value.toLocaleString('en')) }],
    series: [
      {},
      ...series.map(({ name, color: fill }) => ({
        label: name,
        fill: color(fill),
        stroke: color(fill),
        width: 0,
        points: { show: false },
        ...(bars && { paths: bars }),
      })),
    ],
  }
  return new uPlot(options, [[...hours], ...stacked(series.map(({ counts }) => counts))], host)
}

/** Sums from the last series up, so that each series is drawn over the sum of itself and those after it. */
function stacked(counts: readonly (readonly number[])[]): number[][] {
  let above: readonly number[] = []
  return counts
    .toReversed()
    .map((each) => {
      const sums = each.map((count, hour) => count + (above[hour] ?? 0))
      above = sums
      return sums
    })
    .toReversed()
}

/** A canvas knows neither custom properties nor `light-dark()`: colors are resolved where the chart stands. */
function colorsOf(host: HTMLElement): (color: string) => string {
  return (color) => {
    const before = host.style.color
    host.style.color = color
    const resolved = getComputedStyle(host).color
    host.style.color = before
    return resolved
  }
}
