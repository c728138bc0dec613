import type { MatrixCell } from '../../api/matrix.ts'
import { paths } from '../../app/paths.ts'
import { Icon } from '../../parts/display/icon.tsx'
import * as css from './flag.module.css'
import type { ListedEnvironment } from './queries.ts'

type EnvironmentTabsProps = {
  readonly project: string
  readonly flag: string
  readonly environments: readonly ListedEnvironment[]
  /** What the flag serves, by environment; undefined until it is read. */
  readonly cells: Readonly<Record<string, MatrixCell>> | undefined
  readonly current: string
  /** The query of the URL, so that the same tab opens in the other environment. */
  readonly search: string
}

/** All environments with what each serves, so that none is out of sight. */
export function EnvironmentTabs({ project, flag, environments, cells, current, search }: EnvironmentTabsProps) {
  return (
    <nav class={css.environments} aria-label="Environments">
      {environments.map(({ key, name, protected: isProtected }) => {
        const cell = cells?.[key]
        return (
          <a
            key={key}
            href={paths.flag(project, flag, key) + search}
            class={css.environment}
            aria-current={key === current ? 'page' : undefined}
            data-protected={isProtected || undefined}
          >
            <span class={css.environmentName}>
              {name || key} {isProtected && <Protected />}
            </span>
            <span class={css.environmentState} data-state={cell?.state ?? 'absent'}>
              <span class={css.dot} /> {cells === undefined ? '…' : wordsOf(cell)}
            </span>
          </a>
        )
      })}
    </nav>
  )
}

const Protected = () => (
  <span class={css.protected} title="Protected: changes are confirmed">
    <Icon name="shield" size={13} />
    <span class="visuallyHidden">(protected)</span>
  </span>
)

/** What an environment serves, as the list says it. */
function wordsOf(cell: MatrixCell | undefined): string {
  if (!cell || cell.state === 'absent') return 'not defined'
  return cell.state === 'disabled' ? 'disabled' : cell.served
}
