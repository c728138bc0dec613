import { Button } from '../../../parts/controls/button.tsx'
import type { OutcomeView } from '../../../rules/view.ts'
import { AdvancedBlock } from './advanced-block.tsx'
import * as css from './builder.module.css'
import { useRuleEditor } from './editor.ts'
import { SplitEditor } from './split-editor.tsx'
import { VariantMenu } from './variant-menu.tsx'

type OutcomeEditorProps = {
  readonly label: string
  /** Undefined where nothing is written: the default variant. */
  readonly outcome: OutcomeView | undefined
  readonly onSet: (value: unknown) => void
}

/** What a rule gives: a variant, the shares of a split, or JSON. */
export function OutcomeEditor({ label, outcome, onSet }: OutcomeEditorProps) {
  const { isReadOnly, variants } = useRuleEditor()
  if (outcome?.kind === 'advanced') return <AdvancedBlock path={outcome.path} value={outcome.value} />
  if (outcome?.kind === 'split')
    return (
      <div class={css.outcome}>
        <SplitEditor split={outcome} />
        {!isReadOnly && (
          <Button size="small" kind="quiet" onClick={() => onSet(largestOf(outcome.shares))}>
            One variant instead
          </Button>
        )}
      </div>
    )
  const value = outcome?.variant ?? null
  const splitValue = () => {
    const first = value ?? variants[0] ?? null
    const others = variants.filter((name) => name !== first)
    return { fractional: [[first, 50], ...others.slice(0, 1).map((name) => [name, 50])] }
  }
  return (
    <div class={css.outcomeRow}>
      <VariantMenu label={label} value={value} onChange={onSet} />
      {!isReadOnly && variants.length > 1 && (
        <Button size="small" kind="quiet" icon="percent" onClick={() => onSet(splitValue())}>
          Split
        </Button>
      )}
    </div>
  )
}

const largestOf = (shares: readonly { readonly variant: string | null; readonly weight: number }[]): string | null =>
  shares.reduce((most, share) => (share.weight > most.weight ? share : most), {
    variant: null as string | null,
    weight: -1,
  }).variant
