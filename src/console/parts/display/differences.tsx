import type { DifferenceSentence } from '../../diff/conditions.ts'
import { compareLines, type LineBlock } from '../../diff/lines.ts'
import * as css from './differences.module.css'
import { Icon, type IconName } from './icon.tsx'
import { Scroller } from './scroller.tsx'

type Look = { readonly icon: IconName; readonly word: string; readonly look: string }

const KINDS: Readonly<Record<DifferenceSentence['kind'], Look>> = {
  added: { icon: 'plus', word: 'Added: ', look: css.added },
  removed: { icon: 'minus', word: 'Removed: ', look: css.removed },
  changed: { icon: 'edit', word: 'Changed: ', look: css.changed },
  moved: { icon: 'moveUp', word: 'Moved: ', look: css.moved },
}

/** What differs between two versions, in sentences. */
export function DifferenceList({ differences }: { readonly differences: readonly DifferenceSentence[] }) {
  if (differences.length === 0) return <p class={css.nothing}>No visible difference</p>
  return (
    <ul class={css.list}>
      {differences.map(({ kind, text }) => (
        <li key={text} class={css.item}>
          <span class={`${css.sign} ${KINDS[kind].look}`}>
            <Icon name={KINDS[kind].icon} size={14} />
            <span class="visuallyHidden">{KINDS[kind].word}</span>
          </span>
          <span class={css.text}>{text}</span>
        </li>
      ))}
    </ul>
  )
}

type LineDifferencesProps = {
  /** Names the two texts for assistive technology. */
  readonly label: string
  readonly before: string
  readonly after: string
}

/** What differs between two texts, line by line. */
export function LineDifferences({ label, before, after }: LineDifferencesProps) {
  const blocks = compareLines(before, after)
  return (
    <Scroller class={css.frame} label={label}>
      <table class={css.lines}>
        <tbody>{blocks.map((block) => (block.kind === 'hidden' ? hiddenRow(block) : lineRows(block)))}</tbody>
      </table>
    </Scroller>
  )
}

const keyOf = ({ kind, before, after }: LineBlock): string => `${kind} ${before} ${after}`

const hiddenRow = (block: LineBlock) => (
  <tr key={keyOf(block)} class={css.hidden}>
    <td colSpan={4}>{block.lines.length === 1 ? '1 equal line' : `${block.lines.length} equal lines`}</td>
  </tr>
)

const LINES = {
  same: { sign: '', word: '', look: css.sameLine },
  added: { sign: '+', word: 'added', look: css.addedLine },
  removed: { sign: '−', word: 'removed', look: css.removedLine },
  hidden: { sign: '', word: '', look: css.hidden },
}

function lineRows(block: LineBlock) {
  const { kind, lines, before, after } = block
  return lines.map((line, index) => (
    <tr key={`${keyOf(block)} ${index}`} class={LINES[kind].look}>
      <td class={css.number}>{before === undefined ? '' : before + index}</td>
      <td class={css.number}>{after === undefined ? '' : after + index}</td>
      <td class={css.mark}>
        <span aria-hidden="true">{LINES[kind].sign}</span>
        <span class="visuallyHidden">{LINES[kind].word}</span>
      </td>
      <td class={css.code}>{line}</td>
    </tr>
  ))
}
