import { useQuery, useQueryClient } from '@tanstack/preact-query'
import { useEffect } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { send } from '../../api/client.ts'
import { projectsQuery, sessionQuery } from '../../api/queries.ts'
import { forgetContexts } from '../../pages/flag/explain/recent.ts'
import { IconButton } from '../../parts/controls/button.tsx'
import { Icon, type IconName } from '../../parts/display/icon.tsx'
import { Menu, type MenuItem } from '../../parts/overlays/popover.tsx'
import { overlay } from '../overlays/overlays.tsx'
import { paths } from '../paths.ts'
import { lastProject, noteProject } from '../project.ts'
import { isSignedOut } from '../session.ts'
import { theme } from '../theme.ts'
import { LiveState } from './live-state.tsx'
import * as css from './rail.module.css'

type Entry = {
  readonly label: string
  readonly icon: IconName
  readonly href: string
  /** Narrow screens have it in their menu. */
  readonly isWide?: boolean
}

const entriesOf = (project: string | undefined): Entry[] => [
  ...(project === undefined
    ? []
    : ([
        { label: 'Flags', icon: 'flag', href: paths.flags(project) },
        { label: 'Segments', icon: 'segments', href: paths.segments(project) },
        { label: 'Compare', icon: 'compare', href: paths.compare(project), isWide: true },
        { label: 'Changes', icon: 'changes', href: paths.changes(project) },
      ] as const)),
  { label: 'Keys', icon: 'key', href: paths.keys() },
  { label: 'Settings', icon: 'settings', href: paths.settings(), isWide: true },
]

/** The navigation: a column at the left; a bar at the bottom of narrow screens. */
export function Rail() {
  const { path } = useLocation()
  return (
    <nav class={css.rail} aria-label="Main">
      <ProjectSwitcher />
      <ul class={css.entries}>
        {entriesOf(lastProject.value).map(({ label, icon, href, isWide }) => (
          <li key={label} class={isWide ? css.wide : undefined}>
            <a class={css.entry} href={href} aria-current={isWithin(path, href) ? 'page' : undefined}>
              <Icon name={icon} size={18} />
              <span>{label}</span>
            </a>
          </li>
        ))}
        <li class={css.more}>
          <More />
        </li>
      </ul>
      <Foot />
    </nav>
  )
}

const isWithin = (path: string, href: string) => path === href || path.startsWith(`${href}/`)

function ProjectSwitcher() {
  const { route } = useLocation()
  const { data: session } = useQuery(sessionQuery())
  const isBound = session === undefined || (session !== null && session.environment !== null)
  const { data: projects = [] } = useQuery({ ...projectsQuery(), enabled: !isBound })
  const current = lastProject.value
  const [first] = projects
  useEffect(() => {
    if (current === undefined && first) noteProject(first.key)
  }, [current, first])
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

/** What narrow screens have no room for. */
function More() {
  const { route } = useLocation()
  const { data: projects = [] } = useQuery({ ...projectsQuery(), enabled: false })
  const others = projects.filter(({ key }) => key !== lastProject.value)
  const items: MenuItem[] = [
    ...others.map(({ key, name }) => ({ label: name, icon: 'flag' as const, onSelect: () => route(paths.flags(key)) })),
    ...entriesOf(lastProject.value).filter(({ isWide }) => isWide),
    { label: 'Search', icon: 'search', onSelect: () => showOverlay('palette') },
    {
      label: `Theme: ${theme.value}`,
      icon: THEME_ICONS[theme.value],
      onSelect: () => {
        theme.value = NEXT_THEME[theme.value]
      },
    },
  ]
  return (
    <Menu label="More" items={items}>
      {(menu) => (
        <button type="button" {...menu} class={css.entry}>
          <Icon name="more" size={18} />
          <span>More</span>
        </button>
      )}
    </Menu>
  )
}

const showOverlay = (name: 'palette' | 'shortcuts') => {
  overlay.value = name
}

function Foot() {
  return (
    <div class={css.foot}>
      <Who />
      <div class={css.footLine}>
        <LiveState />
        <IconButton icon="search" label="Go to, or act (Ctrl K)" onClick={() => showOverlay('palette')} />
        <IconButton icon="keyboard" label="Keyboard shortcuts (?)" onClick={() => showOverlay('shortcuts')} />
        <ThemeButton />
      </div>
    </div>
  )
}

const NEXT_THEME = { system: 'light', light: 'dark', dark: 'system' } as const
const THEME_ICONS = { system: 'monitor', light: 'sun', dark: 'moon' } as const

const ThemeButton = () => (
  <IconButton
    icon={THEME_ICONS[theme.value]}
    label={`Theme: ${theme.value}. Change to ${NEXT_THEME[theme.value]}`}
    onClick={() => {
      theme.value = NEXT_THEME[theme.value]
    }}
  />
)

/** Who is signed in, with the way out; in trial mode, that it is one. Nothing while this is not known. */
function Who() {
  const queries = useQueryClient()
  const { data: session } = useQuery(sessionQuery())
  if (session === undefined) return null
  if (session === null)
    return (
      <p class={css.trial} title="No key is needed, and only this machine is answered">
        <Icon name="info" size={13} />
        <span>Trial mode</span>
      </p>
    )
  const signOut = async () => {
    await send('DELETE', '/console/session')
    forgetContexts()
    queries.clear()
    isSignedOut.value = true
  }
  return (
    <div class={css.who}>
      <span class={css.whoName} title={`${session.name} (${session.role})`}>
        {session.name}
      </span>
      <IconButton icon="signOut" label="Sign out" size={14} onClick={() => void signOut()} />
    </div>
  )
}
