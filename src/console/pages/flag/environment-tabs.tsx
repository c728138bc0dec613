import type { MatrixCell, MatrixEnvironment } from '../../api/matrix.ts'
import { paths } from '../../app/paths.ts'
import { Icon } from '../../parts/display/icon.tsx'
import * as css from './flag.module.css'

type EnvironmentTabsProps = {
  readonly project: string
  readonly flag: string
  readonly environments: readonly MatrixEnvironment[]
  readonly cells: Readonly<Record<string, MatrixCell>>
  readonly current: string
  /** The query of the URL, so that the same tab opens in the other environment. */
  readonly search: string
}

/** All environments with what each serves, so that none is out of sight. */
export function EnvironmentTabs({ project, flag, environments, cells, current, search }: EnvironmentTabsProps) {
  return (
    <nav class={css.environments} aria-label="Environments">
      {environments.map(({ key, name, protected: isProtected }) => {
        const cell = cells[key]
        const state = cell?.state ?? 'absent'
        return (
          <a
            key={key}
            href={paths.flag(project, flag, key) + search}
            class={css.environment}
            aria-current={key === current ? 'page' : undefined}
            data-protected={isProtected || undefined}
          >
            <span class={css.environmentName}>
              {name || key} {isProtected && <Icon name="lock" size={12} />}
              {isProtected && <span class="visuallyHidden">protected</span>}
            </span>
            <span class={css.environmentState} data-state={state}>
              <span class={css.dot} /> {cell?.served ?? STATES[state]}
            </span>
          </a>
        )
      })}
    </nav>
  )
}

const STATES: Readonly<Record<MatrixCell['state'] | 'absent', string>> = {
  on: 'on',
  off: 'off',
  held: 'held',
  partial: 'on for some',
  disabled: 'disabled',
  absent: 'not here',
}
