import { useRef } from 'preact/hooks'
import { Button, IconButton } from '../../../parts/controls/button.tsx'
import * as field from '../../../parts/controls/field.module.css'
import { replace } from '../../../rules/edits.ts'
import { addShare, removeShare, setBy, setWeights } from '../../../rules/splits.ts'
import type { SplitView } from '../../../rules/view.ts'
import * as css from './builder.module.css'
import { idOf, useRuleEditor } from './editor.ts'
import { finer, moveBorder, percentOf, setShare, stepOf } from './values/shares.ts'
import { VariantMenu } from './variant-menu.tsx'

/** The shares of a split: a bar with handles, a number for each share, and what decides who is in which. */
export function SplitEditor({ split }: { split: SplitView }) {
  const { apply, isReadOnly, variants, mistakesAt } = useRuleEditor()
  const { path, shares, total } = split
  const weights = shares.map(({ weight }) => weight)
  const change = (next: readonly number[]) => apply((text) => setWeights(text, path, next), `weights ${path.join('/')}`)
  const fine = finer(weights)
  const unused = variants.find((name) => !shares.some(({ variant }) => variant === name))
  return (
    <div class={css.split}>
      <SplitBar split={split} onChange={change} />
      <ul class={css.shares}>
        {shares.map((share, index) => (
          <li key={idOf(share.path)} class={css.share}>
            <span class={css.swatch} data-color={colorOf(variants, share.variant)} aria-hidden="true" />
            <VariantMenu
              label={`Variant of share ${index + 1}`}
              value={share.variant}
              onChange={(name) => apply((text) => replace(text, [...share.path, 0], name), 'share variant')}
            />
            <PercentField
              label={`Share of ${share.variant ?? 'the default variant'} in percent`}
              percent={percentOf(share.weight, total)}
              isReadOnly={isReadOnly}
              onChange={(percent) => change(setShare(weights, index, Math.round((percent * total) / 100)))}
            />
            {!isReadOnly && shares.length > 1 && (
              <IconButton
                icon="close"
                label={`Remove the share of ${share.variant ?? 'the default variant'}`}
                size={14}
                onClick={() => apply((text) => removeShare(text, path, index), 'remove share')}
              />
            )}
          </li>
        ))}
      </ul>
      {mistakesAt(path).map((mistake) => (
        <p key={mistake} class={css.mistake}>
          {mistake}
        </p>
      ))}
      <div class={css.splitFoot}>
        <ByField split={split} />
        {!isReadOnly && unused !== undefined && (
          <Button
            size="small"
            kind="quiet"
            icon="plus"
            onClick={() => apply((text) => addShare(text, path, unused, 0), 'add share')}
          >
            Share
          </Button>
        )}
        {!isReadOnly && fine && (
          <Button size="small" kind="quiet" title="Ten times smaller steps; no user moves" onClick={() => change(fine)}>
            Finer steps
          </Button>
        )}
      </div>
    </div>
  )
}

/** The number of the colour of a variant, by its place in the definition. */
const colorOf = (variants: readonly string[], variant: string | null): number =>
  variant === null ? 5 : (Math.max(0, variants.indexOf(variant)) % 5) + 1

type SplitBarProps = { readonly split: SplitView; readonly onChange: (weights: number[]) => void }

function SplitBar({ split: { shares, total }, onChange }: SplitBarProps) {
  const { variants, isReadOnly } = useRuleEditor()
  const bar = useRef<HTMLDivElement>(null)
  const weights = shares.map(({ weight }) => weight)
  const ends = weights.map((_, index) => weights.slice(0, index + 1).reduce((sum, weight) => sum + weight, 0))
  const moveTo = (index: number, clientX: number) => {
    const { left = 0, width = 1 } = bar.current?.getBoundingClientRect() ?? {}
    const step = stepOf(total)
    const place = Math.round((((clientX - left) / width) * total) / step) * step
    onChange(moveBorder(weights, index, place - (ends[index] ?? 0)))
  }
  return (
    <div ref={bar} class={css.splitBar}>
      {shares.map(({ variant, weight, path }) => (
        <span
          key={idOf(path)}
          class={css.splitShare}
          data-color={colorOf(variants, variant)}
          style={{ flexGrow: weight / Math.max(total, 1) }}
          hidden={weight === 0}
        >
          {variant ?? 'default'}
        </span>
      ))}
      {!isReadOnly &&
        total > 0 &&
        ends
          .slice(0, -1)
          .map((end, index) => (
            <Handle
              key={index}
              label={`Border between ${shares[index]?.variant ?? 'default'} and ${shares[index + 1]?.variant ?? 'default'}`}
              percent={percentOf(end, total)}
              onMove={(steps) => onChange(moveBorder(weights, index, steps * stepOf(total)))}
              onDrag={(clientX) => moveTo(index, clientX)}
            />
          ))}
    </div>
  )
}

type HandleProps = {
  readonly label: string
  readonly percent: number
  readonly onMove: (steps: number) => void
  readonly onDrag: (clientX: number) => void
}

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: -100,
  End: 100,
}

/** Moves by arrow keys (1 %), Page keys (10 %), Home and End, or by dragging. */
function Handle({ label, percent, onMove, onDrag }: HandleProps) {
  return (
    <div
      class={css.handle}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={`${percent} %`}
      style={{ left: `${percent}%` }}
      onKeyDown={(event) => {
        const steps = STEPS[event.key]
        if (steps === undefined) return
        event.preventDefault()
        onMove(steps)
      }}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) onDrag(event.clientX)
      }}
    />
  )
}

type PercentFieldProps = {
  readonly label: string
  readonly percent: number
  readonly isReadOnly: boolean
  readonly onChange: (percent: number) => void
}

function PercentField({ label, percent, isReadOnly, onChange }: PercentFieldProps) {
  return (
    <span class={css.percent}>
      <input
        type="number"
        class={field.input}
        aria-label={label}
        min={0}
        max={100}
        step="any"
        disabled={isReadOnly}
        value={percent}
        onChange={({ currentTarget }) => {
          const next = currentTarget.valueAsNumber
          if (next >= 0 && next <= 100) onChange(next)
          else currentTarget.value = String(percent)
        }}
      />
      %
    </span>
  )
}

function ByField({ split: { path, by } }: { split: SplitView }) {
  const { apply, attributes, isReadOnly } = useRuleEditor()
  const names = [...new Set([...(by.attribute === undefined ? [] : [by.attribute]), ...attributes])]
  const change = (attribute: string) =>
    apply(
      (text) =>
        setBy(text, path, attribute === '' ? { attribute: undefined, isSalted: true } : { attribute, isSalted: true }),
      'split by',
    )
  return (
    <label class={css.by}>
      <span>by</span>
      <select
        class={field.input}
        disabled={isReadOnly}
        value={by.attribute ?? ''}
        onChange={({ currentTarget }) => change(currentTarget.value)}
      >
        <option value="">targeting key</option>
        {names
          .filter((name) => name !== 'targetingKey' || by.attribute === name)
          .map((name) => (
            <option key={name}>{name}</option>
          ))}
      </select>
      {by.attribute !== undefined && !by.isSalted && <span class={css.note}>the same users in every flag</span>}
    </label>
  )
}
