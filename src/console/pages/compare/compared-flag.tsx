import type { Side } from '../../../flag/compare/merge-flag.ts'
import { paths } from '../../app/paths.ts'
import { Badge } from '../../parts/display/badge.tsx'
import { DifferenceList } from '../../parts/display/differences.tsx'
import { Time } from '../../parts/display/time.tsx'
import { sideOf } from './choices.ts'
import * as css from './compare.module.css'
import type { NamedPair } from './pair-choice.tsx'
import type { ComparedItem, ComparedMember } from './queries.ts'
import { memberSentences, sayStatus, sayVerdict } from './sentences.ts'
import { SideChoice } from './side-choice.tsx'

type ComparedFlagProps = {
  readonly project: string
  readonly item: ComparedItem
  readonly pair: NamedPair
  readonly picks: Readonly<Record<string, Side>> | undefined
  readonly isSelected: boolean
  /** Undefined for a viewer. */
  readonly onSelect: ((isOn: boolean) => void) | undefined
  readonly onPick: (member: string, side: Side) => void
}

/** A flag that differs: what the target would become, member by member, and where each comes from once it is selected. */
export function ComparedFlag(props: ComparedFlagProps) {
  const { project, item, pair, isSelected, onSelect } = props
  const { flag, base, members } = item
  const place = item.status === 'only-in-source' ? pair.source : pair.target
  return (
    <li class={css.item} data-selected={isSelected || undefined}>
      <header class={css.head}>
        {onSelect ? (
          <label class={css.key}>
            <input type="checkbox" checked={isSelected} onChange={(event) => onSelect(event.currentTarget.checked)} />
            {flag}
          </label>
        ) : (
          <span class={css.key}>{flag}</span>
        )}
        <Badge>{sayStatus(item, pair.source.name, pair.target.name)}</Badge>
        {base && (
          <span class={css.soft}>
            carried <Time at={base.at} />
          </span>
        )}
        <a class={css.open} href={paths.flag(project, flag, place.key)} aria-label={`Open ${flag} in ${place.name}`}>
          Open
        </a>
      </header>
      <ul class={css.members}>
        {members.map((member) => (
          <Member key={member.member} {...props} member={member} />
        ))}
      </ul>
    </li>
  )
}

type MemberProps = ComparedFlagProps & { readonly member: ComparedMember }

const TONES = { take: 'accent', keep: 'plain', conflict: 'warn', unknown: 'plain', equal: 'plain' } as const

function Member({ item, pair, member, picks, isSelected, onPick }: MemberProps) {
  const isNew = item.status === 'only-in-source' && item.base === null
  return (
    <li class={css.member}>
      <div class={css.says}>
        <DifferenceList differences={memberSentences(member)} />
        {isNew && isSelected && <p class={css.soft}>It arrives disabled, unless the states are carried too.</p>}
      </div>
      {!isNew && <Badge tone={TONES[member.verdict]}>{sayVerdict(member, pair.source.name, pair.target.name)}</Badge>}
      {isSelected && (
        <SideChoice
          label={`${item.flag} ${member.member}`}
          pair={pair}
          side={sideOf(member, picks)}
          onPick={(side) => onPick(member.member, side)}
        />
      )}
    </li>
  )
}
