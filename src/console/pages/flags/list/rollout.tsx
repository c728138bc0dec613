import { useState } from 'preact/hooks'
import type { MatrixEnvironment } from '../../../api/matrix.ts'
import { paths } from '../../../app/paths.ts'
import { Button } from '../../../parts/controls/button.tsx'
import { TextField } from '../../../parts/controls/field.tsx'
import { Popover } from '../../../parts/overlays/popover.tsx'
import type { CellName } from '../writes.ts'
import * as css from './rollout.module.css'

type RolloutProps = {
  readonly anchor: { readonly current: HTMLButtonElement | null }
  readonly name: CellName
  readonly environment: MatrixEnvironment
  readonly onSave: (percent: number) => Promise<void>
  readonly onClose: () => void
}

const SHARES = [1, 10, 50, 100] as const
const PERCENT = /^\d{1,3}(?:\.\d{1,2})?$/

/** The quick rollout: a share of all users, by their targeting key. */
export function Rollout({ anchor, name, environment, onSave, onClose }: RolloutProps) {
  const [text, setText] = useState('')
  const isValid = PERCENT.test(text) && Number(text) <= 100
  const save = async () => {
    if (!isValid) return
    onClose()
    await onSave(Number(text))
  }
  const onSubmit = (event: Event) => {
    event.preventDefault()
    void save()
  }
  const { flag, project } = name
  return (
    <Popover anchor={anchor} label={`Roll out ${flag} in ${environment.name}`} onClose={onClose}>
      <form class={css.form} onSubmit={onSubmit}>
        <h3>Roll out in {environment.name}</h3>
        <fieldset class={css.shares}>
          <legend class="visuallyHidden">Share of users</legend>
          {SHARES.map((share) => (
            <button
              key={share}
              type="button"
              class={css.share}
              aria-pressed={text === String(share)}
              onClick={() => setText(String(share))}
            >
              {share} %
            </button>
          ))}
        </fieldset>
        <TextField
          label="Share of users in per cent"
          inputMode="decimal"
          value={text}
          onInput={(event) => setText(event.currentTarget.value.trim())}
          error={text !== '' && !isValid ? 'A number from 0 to 100, with two decimals at most' : undefined}
          hint="By targeting key, where no rule matches"
        />
        <footer class={css.foot}>
          <a href={paths.flag(project, flag, environment.key)}>All rules</a>
          <a href={`${paths.flag(project, flag, environment.key)}?rollout=start`}>Over time</a>
          <Button kind="primary" type="submit" size="small" disabled={!isValid}>
            {environment.protected ? `Save in ${environment.name}` : 'Save'}
          </Button>
        </footer>
      </form>
    </Popover>
  )
}
