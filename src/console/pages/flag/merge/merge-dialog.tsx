import { useMemo, useState } from 'preact/hooks'
import type { Merge, MergeChoice } from '../../../draft/merged.ts'
import { Button } from '../../../parts/controls/button.tsx'
import { CopyButton } from '../../../parts/controls/copy.tsx'
import { DifferenceList, LineDifferences } from '../../../parts/display/differences.tsx'
import { Dialog } from '../../../parts/overlays/dialog.tsx'
import { print } from '../../../rules/print.ts'
import { ConflictRow } from './conflict-row.tsx'
import type { MergeKind } from './kinds.ts'
import * as css from './merge.module.css'

type MergeDialogProps = {
  readonly kind: MergeKind
  /** The texts of three versions: what both changes started from, the draft, and what is stored now. */
  readonly base: string
  readonly mine: string
  readonly theirs: string
  /** The name of a protected environment, which the button that saves then says. */
  readonly protectedName: string | undefined
  /** Who made the stored change, if known. */
  readonly actor: string | undefined
  /** What the draft would serve now in the context of the explanation; shown below each choice. */
  readonly explain?: (version: unknown) => string | undefined
  /** Saves the merged text, on what is stored now. */
  readonly onSave: (text: string) => void
  readonly onDiscard: () => void
  readonly onClose: () => void
}

/** Merges a draft with a change that was saved meanwhile. Nothing is dropped without a choice. */
export function MergeDialog({ kind, base, mine, theirs, ...rest }: MergeDialogProps) {
  const forms = useMemo(() => [base, mine, theirs].map(parse), [base, mine, theirs])
  const [old, ours, others] = forms
  if (!old || !ours || !others) return <Unmergeable mine={mine} {...rest} />
  return <Merging kind={kind} base={old.value} mine={ours.value} theirs={others.value} mineText={mine} {...rest} />
}

type Parsed = { readonly value: unknown }

function parse(text: string): Parsed | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

type DialogActions = Omit<MergeDialogProps, 'kind' | 'base' | 'mine' | 'theirs'>

function Unmergeable({ mine, actor, onDiscard, onClose }: DialogActions & { readonly mine: string }) {
  const actions = (
    <>
      <DiscardButton onDiscard={onDiscard} />
      <Button kind="primary" data-autofocus onClick={onClose}>
        Correct my text
      </Button>
    </>
  )
  return (
    <Dialog title="Your text is no JSON" onClose={onClose} actions={actions}>
      <p>
        {actor ?? 'Another user'} has saved a change. Your text can be merged with it once it is valid JSON.{' '}
        <CopyButton text={mine} what="my text" />
      </p>
    </Dialog>
  )
}

type MergingProps = DialogActions & {
  readonly kind: MergeKind
  readonly base: unknown
  readonly mine: unknown
  readonly theirs: unknown
  readonly mineText: string
}

function Merging(props: MergingProps) {
  const { kind, base, mine, theirs, mineText, actor, protectedName, explain, onSave, onDiscard, onClose } = props
  const merge = useMemo(() => kind.merge(base, mine, theirs), [kind, base, mine, theirs])
  const [choices, setChoices] = useState<readonly (MergeChoice | undefined)[]>([])
  const merged = resolved(merge, choices)
  const choose = (index: number, choice: MergeChoice | undefined) =>
    setChoices(merge.conflicts.map((_, place) => (place === index ? choice : choices[place])))
  const count = merge.conflicts.length
  const title = count === 0 ? 'Both changes fit' : count === 1 ? '1 part changed twice' : `${count} parts changed twice`
  return (
    <Dialog
      wide
      title={title}
      onClose={onClose}
      onSubmit={() => merged && onSave(print(merged.value))}
      actions={
        <Actions isReady={merged !== undefined} protectedName={protectedName} mine={mineText} onDiscard={onDiscard} />
      }
    >
      <section class={css.part}>
        <h3>{actor ?? 'Another user'} saved</h3>
        <DifferenceList differences={kind.differences(base, theirs)} />
      </section>
      {merge.conflicts.map((conflict, index) => (
        <ConflictRow
          key={conflict.path.join('/')}
          kind={kind}
          conflict={conflict}
          base={base}
          choice={choices[index]}
          onChoose={(choice) => choose(index, choice)}
          result={(choice) => explain && explainChoice(merge, { index, choice, choices }, explain)}
        />
      ))}
      {merged ? (
        <Result kind={kind} theirs={theirs} merged={merged.value} />
      ) : (
        <p class={css.hint}>Choose for each part, and the result appears here.</p>
      )}
    </Dialog>
  )
}

type Choices = readonly (MergeChoice | undefined)[]

/** The merged value; undefined as long as a choice is missing. */
function resolved(merge: Merge, choices: Choices): Parsed | undefined {
  const made = merge.conflicts.flatMap((_, index) => choices[index] ?? [])
  return made.length === merge.conflicts.length ? { value: merge.resolve(made) } : undefined
}

type Trial = { readonly index: number; readonly choice: MergeChoice; readonly choices: Choices }

/** What would be served with this choice; other conflicts without a choice count as theirs. */
function explainChoice(
  merge: Merge,
  { index, choice, choices }: Trial,
  explain: (definition: unknown) => string | undefined,
) {
  return explain(
    merge.resolve(merge.conflicts.map((_, place) => (place === index ? choice : (choices[place] ?? 'theirs')))),
  )
}

type ResultProps = Pick<MergingProps, 'kind' | 'theirs'> & { readonly merged: unknown }

function Result({ kind, theirs, merged }: ResultProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <section class={css.part}>
      <h3>Saving adds your change</h3>
      <DifferenceList differences={kind.differences(theirs, merged)} />
      <div>
        <Button size="small" kind="quiet" icon="braces" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          JSON
        </Button>
      </div>
      {isOpen && <LineDifferences label="JSON of the merge" before={print(theirs)} after={print(merged)} />}
    </section>
  )
}

type ActionsProps = Pick<DialogActions, 'protectedName' | 'onDiscard'> & {
  readonly isReady: boolean
  readonly mine: string
}

function Actions({ isReady, protectedName, mine, onDiscard }: ActionsProps) {
  return (
    <>
      <span class={css.copy}>
        <CopyButton text={mine} what="my version as JSON" /> Copy mine
      </span>
      <DiscardButton onDiscard={onDiscard} />
      <Button
        type="submit"
        kind={protectedName === undefined ? 'primary' : 'danger'}
        disabled={!isReady}
        data-autofocus
      >
        {protectedName === undefined ? 'Save both' : `Save both in ${protectedName}`}
      </Button>
    </>
  )
}

const DiscardButton = ({ onDiscard }: { readonly onDiscard: () => void }) => (
  <Button kind="quiet" icon="trash" onClick={onDiscard}>
    Discard mine
  </Button>
)
