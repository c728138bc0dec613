import type { Side } from '../../../flag/compare/merge-flag.ts'
import { DifferenceList } from '../../parts/display/differences.tsx'
import * as css from './compare.module.css'
import type { NamedPair } from './pair-choice.tsx'
import type { ComparedSegment } from './queries.ts'
import { segmentSentences } from './sentences.ts'
import { SideChoice } from './side-choice.tsx'

type SegmentChoicesProps = {
  readonly segments: readonly ComparedSegment[]
  readonly pair: NamedPair
  readonly picks: Readonly<Record<string, Side>>
  readonly onPick: (segment: string, side: Side) => void
}

/** The segments that differ and that selected flags reach. Other flags of the target use them too, so that each needs a choice. */
export function SegmentChoices({ segments, pair, picks, onPick }: SegmentChoicesProps) {
  return (
    <>
      {segments.map((segment) => (
        <div key={segment.segment} class={css.member}>
          <div class={css.says}>
            Segment <code>{segment.segment}</code>, which other flags of {pair.target.name} may use:
            <DifferenceList differences={segmentSentences(segment)} />
          </div>
          <SideChoice
            label={`Segment ${segment.segment}`}
            pair={pair}
            side={picks[segment.segment]}
            onPick={(side) => onPick(segment.segment, side)}
          />
        </div>
      ))}
    </>
  )
}
