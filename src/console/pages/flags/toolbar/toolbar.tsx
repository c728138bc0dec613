import { useMemo } from 'preact/hooks'
import type { Matrix, MatrixEnvironment, MatrixFlag } from '../../../api/matrix.ts'
import { Button } from '../../../parts/controls/button.tsx'
import { Icon, type IconName } from '../../../parts/display/icon.tsx'
import { Menu } from '../../../parts/overlays/popover.tsx'
import { type FlagSort, filterFlags, hasTerm, parseFilter, SORTS, type TermName, termText, withTerm } from './filter.ts'
import * as css from './toolbar.module.css'

type ToolbarProps = {
  readonly matrix: Matrix
  readonly text: string
  readonly onText: (text: string) => void
  readonly sort: FlagSort
  readonly onSort: (sort: FlagSort) => void
  readonly shown: readonly MatrixEnvironment[]
  readonly onShown: (keys: readonly string[]) => void
  /** The name of the session; undefined: no "Mine". */
  readonly me: string | undefined
  /** How many flags the query finds; undefined: not all are read yet. */
  readonly found: number | undefined
}

const SORT_LABELS = { key: 'By key', created: 'Newest first', evaluations: 'Most evaluated first' } as const
const OFFERED_MAX = 12

/** The query box, its chips, order and columns. */
export function Toolbar(props: ToolbarProps) {
  const { matrix, text, onText, sort, onSort, found } = props
  return (
    <div class={css.toolbar}>
      <div class={css.line}>
        <label class={css.search}>
          <span class="visuallyHidden">Filter the flags</span>
          <Icon name="search" />
          <input
            type="search"
            data-search=""
            value={text}
            placeholder="Filter: words, tag:web, owner:ada, is:held, env:production"
            autoComplete="off"
            spellcheck={false}
            onInput={(event) => onText(event.currentTarget.value)}
          />
          <kbd>/</kbd>
        </label>
        <TermMenu matrix={matrix} text={text} onText={onText} />
        <Menu
          label="Order"
          items={SORTS.map((name) => ({
            label: SORT_LABELS[name],
            ...(name === sort && { icon: 'check' as const }),
            onSelect: () => onSort(name),
          }))}
        >
          {(menu) => (
            <Button {...menu} icon="down">
              {SORT_LABELS[sort]}
            </Button>
          )}
        </Menu>
        <Columns {...props} />
      </div>
      <div class={css.line}>
        <Chips {...props} />
        <p class={css.count} aria-live="polite">
          {found === undefined
            ? 'Reading all flags'
            : `${found.toLocaleString('en')} ${found === 1 ? 'flag' : 'flags'}`}
        </p>
      </div>
    </div>
  )
}

type ChipTerm = {
  readonly label: string
  readonly icon: IconName
  readonly name: TermName
  readonly value: string
  readonly isCounted?: boolean
}

const CHIPS: readonly ChipTerm[] = [
  { label: 'Stale', icon: 'clock', name: 'is', value: 'stale', isCounted: true },
  { label: 'Held', icon: 'pause', name: 'is', value: 'held', isCounted: true },
  { label: 'On', icon: 'success', name: 'is', value: 'on' },
  { label: 'Off', icon: 'skipped', name: 'is', value: 'off' },
  { label: 'On for some', icon: 'percent', name: 'is', value: 'partial' },
  { label: 'Archived', icon: 'archive', name: 'is', value: 'archived' },
]
const MINE: ChipTerm = { label: 'Mine', icon: 'user', name: 'owner', value: 'me' }

function Chips({ matrix, text, onText, me, shown }: ToolbarProps) {
  const chips = me === undefined ? CHIPS : [MINE, ...CHIPS]
  const counts = useMemo(() => {
    if (matrix.flags.length === 0) return new Map()
    const view = { me, environments: shown.map(({ key }) => key) }
    const countOf = ({ name, value }: ChipTerm) =>
      filterFlags(matrix.flags, parseFilter(termText(name, value)), view).length
    return new Map(CHIPS.filter(({ isCounted }) => isCounted).map((chip) => [chip.label, countOf(chip)]))
  }, [matrix, shown, me])
  return (
    <fieldset class={css.chips}>
      <legend class="visuallyHidden">Filters</legend>
      {chips.map(({ label, icon, name, value }) => {
        const count = counts.get(label)
        return (
          <button
            key={label}
            type="button"
            class={css.chip}
            aria-pressed={hasTerm(text, name, value)}
            onClick={() => onText(withTerm(text, name, value))}
          >
            <Icon name={icon} size={13} />
            {label}
            {count !== undefined && <span class={css.chipCount}>{count}</span>}
          </button>
        )
      })}
    </fieldset>
  )
}

/** Tags, owners, types and kinds as conditions to choose. */
function TermMenu({ matrix, text, onText }: Pick<ToolbarProps, 'matrix' | 'text' | 'onText'>) {
  const offered = useMemo(() => offeredTerms(matrix.flags), [matrix])
  return (
    <Menu
      label="Filter by"
      items={offered.map(([name, value]) => ({
        label: termText(name, value),
        ...(hasTerm(text, name, value) && { icon: 'check' as const }),
        onSelect: () => onText(withTerm(text, name, value)),
      }))}
    >
      {(menu) => (
        <Button {...menu} icon="filter">
          Filter
        </Button>
      )}
    </Menu>
  )
}

/** The conditions that are offered for these flags. */
function offeredTerms(flags: readonly MatrixFlag[]): readonly (readonly [TermName, string])[] {
  const owners = frequent(flags, ({ owner }) => (owner === '' ? [] : [owner]))
  return [
    ...frequent(flags, ({ tags }) => tags).map((tag) => ['tag', tag] as const),
    ...owners.map((owner) => ['owner', owner] as const),
    ...['boolean', 'string', 'number', 'object'].map((type) => ['type', type] as const),
    ['kind', 'permanent'],
    ['kind', 'temporary'],
  ]
}

/** The most frequent texts of the flags, at most twelve. */
function frequent(flags: readonly MatrixFlag[], textsOf: (flag: MatrixFlag) => readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const flag of flags) for (const text of textsOf(flag)) counts.set(text, (counts.get(text) ?? 0) + 1)
  const sorted = [...counts].sort(([, one], [, other]) => other - one)
  return sorted.slice(0, OFFERED_MAX).map(([text]) => text)
}

/** Which environments have a column. */
function Columns({ matrix, shown, onShown }: ToolbarProps) {
  if (matrix.environments.length < 2) return null
  const keys = shown.map(({ key }) => key)
  const toggled = (key: string) => (keys.includes(key) ? keys.filter((other) => other !== key) : [...keys, key])
  return (
    <Menu
      label="Environments"
      items={matrix.environments.map(({ key, name }) => ({
        label: name,
        ...(keys.includes(key) && { icon: 'check' as const }),
        onSelect: () => onShown(toggled(key).length > 0 ? toggled(key) : keys),
      }))}
    >
      {(menu) => (
        <Button {...menu} icon="environments">
          Environments
        </Button>
      )}
    </Menu>
  )
}
