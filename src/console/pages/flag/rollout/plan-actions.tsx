import { useState } from 'preact/hooks'
import { Button } from '../../../parts/controls/button.tsx'
import type { IconName } from '../../../parts/display/icon.tsx'
import { Menu } from '../../../parts/overlays/popover.tsx'
import type { PlanPhase } from './plan-state.ts'
import type { PlanVerbs } from './plan-verbs.ts'

type PlanActionsProps = {
  readonly phase: PlanPhase
  readonly verbs: PlanVerbs
  /** Undefined where what reaches more users needs no confirmation. What reaches fewer never needs one. */
  readonly protectedName: string | undefined
}

/** The verbs of a rollout that make sense in its phase, each one press. */
export function PlanActions({ phase, verbs, protectedName }: PlanActionsProps) {
  const { isBusy, pause, resume, retreat, finish, cancel } = verbs
  const isBegun = phase === 'running' || phase === 'paused' || phase === 'finished'
  const isOpen = phase === 'scheduled' || phase === 'running' || phase === 'paused'
  const others = [
    ...(phase === 'paused' ? [{ label: 'Resume on the planned dates', onSelect: () => resume('keep') }] : []),
    ...(isBegun ? [{ label: 'Retreat slowly: first in, last out', onSelect: () => retreat('first-in-last-out') }] : []),
    { label: 'Drop the plan, keep the rule', onSelect: verbs.eject },
  ]
  return (
    <>
      {phase === 'running' && (
        <Button size="small" icon="pause" disabled={isBusy} onClick={pause}>
          Pause
        </Button>
      )}
      {phase === 'paused' && (
        <Asked
          label="Resume"
          icon="play"
          question={protectedName && `Confirm: change ${protectedName}`}
          isBusy={isBusy}
          onConfirm={() => resume('shift')}
        />
      )}
      {isBegun && (
        <Button size="small" icon="rollback" disabled={isBusy} onClick={() => retreat('now')}>
          Retreat
        </Button>
      )}
      {phase === 'finished' ? (
        <Button size="small" icon="check" disabled={isBusy} onClick={() => finish(false)}>
          Finish
        </Button>
      ) : (
        phase !== 'paused' && (
          <Asked
            label="Finish"
            icon="check"
            question="Confirm: serve the end now"
            isBusy={isBusy}
            onConfirm={() => finish(true)}
          />
        )
      )}
      {isOpen && (
        <Button size="small" icon="close" disabled={isBusy} onClick={cancel}>
          Cancel
        </Button>
      )}
      <Menu label="More ways" items={others}>
        {(menu) => (
          <Button {...menu} size="small" icon="more">
            More
          </Button>
        )}
      </Menu>
    </>
  )
}

type AskedProps = {
  readonly label: string
  readonly icon: IconName
  /** The label of the second press; undefined: the first one acts. */
  readonly question: string | undefined
  readonly isBusy: boolean
  readonly onConfirm: () => void
}

/** A button whose second press acts. It is one button, so the focus stays on it. */
function Asked({ label, icon, question, isBusy, onConfirm }: AskedProps) {
  const [isAsking, setAsking] = useState(false)
  const isConfirming = isAsking && question !== undefined
  return (
    <Button
      size="small"
      icon={icon}
      kind={isConfirming ? 'danger' : 'plain'}
      disabled={isBusy}
      onBlur={() => setAsking(false)}
      onClick={() => {
        setAsking(!isAsking)
        if (question === undefined || isAsking) onConfirm()
      }}
    >
      {isConfirming ? question : label}
    </Button>
  )
}
