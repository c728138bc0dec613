import { useQuery } from '@tanstack/preact-query'
import { useLocation } from 'preact-iso'
import { projectsQuery, sessionQuery } from '../api/queries.ts'
import { IconButton } from '../parts/controls/button.tsx'
import { Icon, type IconName } from '../parts/display/icon.tsx'
import { Menu } from '../parts/overlays/popover.tsx'
import { paths } from './paths.ts'
import { lastProject } from './project.ts'
import * as css from './rail.module.css'
import { theme } from './theme.ts'

type Entry = { readonly label: string; readonly icon: IconName; readonly href: string }

const entriesOf = (project: string | undefined): Entry[] => [
  ...(project === undefined
    ? []
    : ([
        { label: 'Flags', icon: 'flag', href: paths.flags(project) },
        { label: 'Segments', icon: 'segments', href: paths.segments(project) },
        { label: 'Changes', icon: 'changes', href: paths.changes(project) },
      ] as const)),
  { label: 'Keys', icon: 'key', href: paths.keys() },
  { label: 'Settings', icon: 'settings', href: paths.settings() },
]

/** The navigation: a column at the left; a bar at the bottom of narrow screens. */
export function Rail() {
  const { path } = useLocation()
  return (
    <nav class={css.rail} aria-label="Main">
      <ProjectSwitcher />
      <ul class={css.entries}>
        {entriesOf(lastProject.value).map(({ label, icon, href }) => (
          <li key={label}>
            <a class={css.entry} href={href} aria-current={isWithin(path, href) ? 'page' : undefined}>
              <Icon name={icon} size={18} />
              <span>{label}</span>
            </a>
          </li>
        ))}
      </ul>
      <Foot />
    </nav>
  )
}

const isWithin = (path: string, href: string) => path === href || path.startsWith(`${href}/`)

function ProjectSwitcher() {
  const { route } = useLocation()
  const { data: projects = [] } = useQuery(projectsQuery())
  const current = lastProject.value
  const name = projects.find(({ key }) => key === current)?.name ?? current ?? 'Flagstaff'
  const items = projects.map(({ key, name }) => ({
    label: name,
    ...(key === current && { icon: 'check' as const }),
    onSelect: () => route(paths.flags(key)),
  }))
  const all = { label: 'Projects and environments', icon: 'settings' as const, href: paths.settings() }
  return (
    <Menu label="Projects" items={[...items, all]}>
      {(props) => (
        <button type="button" class={css.project} {...props}>
          <span class={css.mark} aria-hidden="true">
            <Icon name="flag" size={15} />
          </span>
          <span class={css.projectName}>{name}</span>
          <Icon name="down" size={14} />
        </button>
      )}
    </Menu>
  )
}

function Foot() {
  const { data: session } = useQuery(sessionQuery())
  const next = { system: 'light', light: 'dark', dark: 'system' } as const
  const icons = { system: 'monitor', light: 'sun', dark: 'moon' } as const
  const label = `Theme: ${theme.value}. Change to ${next[theme.value]}`
  return (
    <div class={css.foot}>
      <p class={css.who} title={session ? `${session.name} (${session.role})` : undefined}>
        {session === null && 'Trial: data in .flagstaff'}
        {session?.name}
      </p>
      <IconButton
        icon={icons[theme.value]}
        label={label}
        onClick={() => {
          theme.value = next[theme.value]
        }}
      />
    </div>
  )
}
