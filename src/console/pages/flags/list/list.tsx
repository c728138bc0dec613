import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { MatrixEnvironment, MatrixFlag } from '../../../api/matrix.ts'
import { hasLetters } from '../../../app/shortcuts.ts'
import { Icon } from '../../../parts/display/icon.tsx'
import * as css from './list.module.css'
import { Row, type RowActions } from './row.tsx'

/** Height of a row in pixels, as in the style sheet. */
const ROW = 56
/** Rows drawn above and below those that are visible. */
const AROUND = 6
/** Pixels above the first row, about. */
const ABOVE = 170
/** The rows of the first paint. They are measured after it. */
const assumedVisible = () => ({ from: 0, to: Math.ceil(Math.max(ROW, innerHeight - ABOVE) / ROW) })

type ListProps = {
  readonly project: string
  readonly flags: readonly MatrixFlag[]
  readonly environments: readonly MatrixEnvironment[]
  readonly selected: ReadonlySet<string>
  /** Flags that others changed just now. */
  readonly changed: ReadonlySet<string>
  readonly onSelectAll: () => void
  readonly actions: RowActions
}

/**
 * The flags as a grid in which only the visible rows exist, which a table cannot leave out. Arrow keys (or j and k) move between the
 * cells; the focus is on what a cell contains. Hence the override of biome.json for this folder.
 */
export function FlagList({ project, flags, environments, selected, changed, onSelectAll, actions }: ListProps) {
  const frame = useRef<HTMLDivElement>(null)
  const [visible, setVisible] = useState(assumedVisible)
  const [around, setAround] = useState(0)
  const measure = () => {
    const { scrollTop = 0, clientHeight = 0 } = frame.current ?? {}
    const from = Math.floor(scrollTop / ROW)
    const to = Math.ceil((scrollTop + clientHeight) / ROW)
    setVisible((old) => (old.from === from && old.to === to ? old : { from, to }))
  }
  useLayoutEffect(() => {
    if (around > 0) measure() // not before the first paint: it would make the browser lay out twice
  }, [flags])
  useEffect(() => {
    setAround(AROUND)
    measure()
    addEventListener('resize', measure)
    return () => removeEventListener('resize', measure)
  }, [])
  const first = Math.max(0, visible.from - around)
  const onKeyDown = useGridKeys(frame, { flags, columns: environments.length, actions })
  return (
    <div
      ref={frame}
      class={css.frame}
      style={{ '--environments': environments.length }}
      role="grid"
      tabIndex={0}
      aria-label="Flags"
      aria-rowcount={flags.length + 1}
      aria-multiselectable="true"
      onScroll={measure}
      onKeyDown={onKeyDown}
    >
      <Head
        environments={environments}
        isAll={selected.size > 0 && selected.size === flags.length}
        onSelectAll={onSelectAll}
      />
      <div
        class={css.body}
        role="presentation"
        style={{ height: `${flags.length * ROW}px`, paddingTop: `${first * ROW}px` }}
      >
        {flags.slice(first, visible.to + around).map((flag, offset) => (
          <Row
            key={flag.key}
            project={project}
            flag={flag}
            index={first + offset}
            environments={environments}
            isSelected={selected.has(flag.key)}
            isChanged={changed.has(flag.key)}
            actions={actions}
          />
        ))}
      </div>
    </div>
  )
}

type HeadProps = {
  readonly environments: readonly MatrixEnvironment[]
  readonly isAll: boolean
  readonly onSelectAll: () => void
}

function Head({ environments, isAll, onSelectAll }: HeadProps) {
  return (
    <div class={css.head} role="row" aria-rowindex={1}>
      <div class={css.selectCell} role="columnheader">
        <input
          type="checkbox"
          class={css.box}
          checked={isAll}
          aria-label="Select all flags of the list"
          onChange={onSelectAll}
        />
      </div>
      {['Flag', ...environments].map((column) => (
        <div key={typeof column === 'string' ? '' : column.key} class={css.heading} role="columnheader">
          {typeof column === 'string' ? column : column.name}
          {typeof column !== 'string' && column.protected && (
            <span class={css.protected} title="Protected: changes are confirmed">
              <Icon name="shield" size={13} />
              <span class="visuallyHidden">(protected)</span>
            </span>
          )}
        </div>
      ))}
      <div class={css.menuCell} role="columnheader">
        <span class="visuallyHidden">Actions</span>
      </div>
    </div>
  )
}

type GridKeys = { readonly flags: readonly MatrixFlag[]; readonly columns: number; readonly actions: RowActions }
type FrameRef = { readonly current: HTMLDivElement | null }

/** Moves the focus between cells, and acts on the row in focus. */
function useGridKeys(frame: FrameRef, { flags, columns, actions }: GridKeys) {
  const [place, setPlace] = useState<{ row: number; column: number } | undefined>()
  useLayoutEffect(() => {
    if (place) focusPlace(frame.current, place.row, place.column)
  }, [place])
  return (event: KeyboardEvent) => {
    const target = event.target as HTMLElement
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest('[popover], dialog')) return
    if (event.key.length === 1 && !hasLetters.value) return
    const at = placeOf(target) ?? { row: -1, column: 0 }
    const to = moved(event.key, at)
    if (to) setPlace({ row: clamp(to.row, flags.length - 1), column: clamp(to.column, columns) })
    else if (!act(event.key, target, flags[at.row], actions)) return
    event.preventDefault()
  }
}

/** Does what a key means for the row in focus; false if it means nothing. */
function act(key: string, target: HTMLElement, flag: MatrixFlag | undefined, actions: RowActions): boolean {
  const row = target.closest('[role=row]')
  if (key === 'x' && flag) actions.select(flag.key)
  else if (key === 'r') target.closest('[data-place]')?.querySelector<HTMLElement>('[aria-haspopup=dialog]')?.click()
  else if (key === '.') row?.querySelector<HTMLElement>('[data-menu]')?.click()
  else if (key === 'Enter' && target.role === 'switch') row?.querySelector<HTMLElement>('[data-place$=":0"]')?.click()
  else return false
  return true
}

const clamp = (value: number, max: number) => Math.max(0, Math.min(value, max))

function moved(key: string, { row, column }: { row: number; column: number }) {
  if (key === 'j' || key === 'ArrowDown') return { row: row + 1, column }
  if (key === 'k' || key === 'ArrowUp') return { row: row - 1, column }
  if (key === 'ArrowRight') return { row, column: column + 1 }
  if (key === 'ArrowLeft') return { row, column: column - 1 }
  return undefined
}

/** The place of the focus: a cell, or that of the key in a row whose menu has it. */
function placeOf(target: Element): { row: number; column: number } | undefined {
  const cell = target.closest<HTMLElement>('[data-place]')
  const at = cell ?? target.closest('[role=row]')?.querySelector<HTMLElement>('[data-place]')
  const [row, column] = (at?.dataset['place'] ?? '').split(':')
  return row && column ? { row: Number(row), column: Number(column) } : undefined
}

/** Scrolls a row into view, if need be, and focuses its cell when it is drawn. */
function focusPlace(frame: HTMLElement | null, row: number, column: number): void {
  if (!frame) return
  const head = frame.querySelector<HTMLElement>('[role=row]')?.offsetHeight ?? 0
  const top = row * ROW
  const visible = frame.clientHeight - head
  if (top < frame.scrollTop) frame.scrollTop = top
  else if (top + ROW > frame.scrollTop + visible) frame.scrollTop = top + ROW - visible
  const focus = () => {
    const cell = frame.querySelector<HTMLElement>(`[data-place="${row}:${column}"]`)
    const focused = cell?.querySelector<HTMLElement>('[role=switch]') ?? cell
    focused?.focus({ preventScroll: true })
    return focused !== undefined && focused !== null
  }
  if (!focus()) requestAnimationFrame(focus)
}
