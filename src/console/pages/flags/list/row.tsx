import type { MatrixEnvironment, MatrixFlag } from '../../../api/matrix.ts'
import { paths } from '../../../app/paths.ts'
import { IconButton } from '../../../parts/controls/button.tsx'
import { Badge } from '../../../parts/display/badge.tsx'
import { Menu } from '../../../parts/overlays/popover.tsx'
import { showToast } from '../../../parts/overlays/toast.tsx'
import type { CellActions } from '../actions.ts'
import { Cell } from './cell.tsx'
import * as css from './list.module.css'

export type RowActions = CellActions & {
  readonly select: (key: string) => void
  readonly archive: (flags: readonly string[], isArchived: boolean) => void
}
type RowProps = {
  readonly project: string
  readonly flag: MatrixFlag
  readonly index: number
  readonly environments: readonly MatrixEnvironment[]
  readonly isSelected: boolean
  /** Others changed it just now. */
  readonly isChanged: boolean
  readonly actions: RowActions
}

const TAGS_SHOWN = 3

/** One flag. */
export function Row({ project, flag, index, environments, isSelected, isChanged, actions }: RowProps) {
  const { key, tags, type, description, archivedAt } = flag
  return (
    <div class={css.row} role="row" aria-rowindex={index + 2} aria-selected={isSelected} data-changed={isChanged}>
      <div class={css.selectCell} role="gridcell">
        <input
          type="checkbox"
          class={css.box}
          checked={isSelected}
          tabIndex={-1}
          aria-label={`Select ${key}`}
          onChange={() => actions.select(key)}
        />
      </div>
      <div class={css.keyCell} role="rowheader">
        <span class={css.keyLine}>
          <a class={css.key} href={paths.flag(project, key)} data-place={`${index}:0`} tabIndex={-1} title={key}>
            {key}
          </a>
          {type !== 'boolean' && <Badge>{type}</Badge>}
          {archivedAt !== null && <Badge icon="archive">archived</Badge>}
          {tags.slice(0, TAGS_SHOWN).map((tag) => (
            <span key={tag} class={css.tag}>
              {tag}
            </span>
          ))}
          {tags.length > TAGS_SHOWN && <span class={css.tag}>+{tags.length - TAGS_SHOWN}</span>}
        </span>
        {description && <span class={css.description}>{description}</span>}
      </div>
      {environments.map((environment, column) => (
        <div key={environment.key} class={css.cell} role="gridcell">
          <Cell
            name={{ project, environment: environment.key, flag: key }}
            cell={flag.environments[environment.key]}
            environment={environment}
            actions={actions}
            place={`${index}:${column + 1}`}
          />
        </div>
      ))}
      <RowMenu project={project} flag={flag} actions={actions} />
    </div>
  )
}

function RowMenu({ project, flag, actions }: Pick<RowProps, 'project' | 'flag' | 'actions'>) {
  const { key, archivedAt } = flag
  const copy = async () => {
    await navigator.clipboard.writeText(key)
    showToast(`Copied ${key}`)
  }
  const isArchived = archivedAt !== null
  return (
    <div class={css.menuCell} role="gridcell">
      <Menu
        label={`Actions for ${key}`}
        items={[
          { label: 'Open', icon: 'arrow', href: paths.flag(project, key) },
          { label: 'Compare', icon: 'compare', href: paths.compare(project, { flag: key }) },
          { label: 'Copy the key', icon: 'copy', onSelect: () => void copy() },
          {
            label: isArchived ? 'Restore' : 'Archive',
            icon: isArchived ? 'restore' : 'archive',
            onSelect: () => actions.archive([key], !isArchived),
          },
        ]}
      >
        {(props) => <IconButton icon="more" label={`Actions for ${key}`} tabIndex={-1} data-menu="" {...props} />}
      </Menu>
    </div>
  )
}
