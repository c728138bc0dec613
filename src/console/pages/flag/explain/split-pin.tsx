import type { Bucket, Share } from '../../../../flag/explain/split.ts'
import * as css from './explain.module.css'

const percentText = (percent: number): string => `${Number(percent.toFixed(2))} %`

/** The shares of a split as a bar, with a pin at the place of the user. */
export function SplitPin({ bucket }: { bucket: Bucket }) {
  const { shares, place, of, by, variant } = bucket
  const total = Math.max(of, 1)
  const label = shares.map((share) => `${String(share.variant)} ${percentText(share.percent)}`).join(', ')
  return (
    <figure class={css.splitPin}>
      <div class={css.splitBar} role="img" aria-label={`Shares: ${label}`}>
        {shares.map((share, index) => (
          <span
            key={index}
            class={css.splitShare}
            data-color={(index % 5) + 1}
            style={{ flexGrow: share.weight / total }}
            hidden={share.weight === 0}
          >
            {String(share.variant)}
          </span>
        ))}
        {place !== undefined && <span class={css.splitMarker} style={{ left: `${(100 * (place + 0.5)) / total}%` }} />}
      </div>
      <figcaption>
        {place === undefined ? `Gives ${String(variant)}` : placeText(bucket, shareAt(shares, place), by)}
      </figcaption>
    </figure>
  )
}

const shareAt = (shares: readonly Share[], place: number): Share | undefined =>
  shares.find(({ from, to }) => place >= from && place <= to)

function placeText({ place = 0, of }: Bucket, share: Share | undefined, by: string | undefined): string {
  const where = `${by ?? 'The computed value'} falls on place ${place.toLocaleString('en')} of ${of.toLocaleString('en')}`
  if (!share) return where
  const range = `${share.from.toLocaleString('en')} to ${share.to.toLocaleString('en')}`
  return `${where}, within ${range}: ${String(share.variant)}`
}
