import { paths } from '../../app/paths.ts'
import { Icon } from '../../parts/display/icon.tsx'
import type { SegmentPath, SegmentUses } from './queries.ts'
import * as css from './segments.module.css'

type UsedByProps = { readonly path: SegmentPath; readonly users: SegmentUses }

/** The flags and segments that refer to a segment, with the segments between. */
export function UsedBy({ path: { project, environment }, users }: UsedByProps) {
  if (users.count === 0) return <p class={css.soft}>No flag and no segment uses it.</p>
  const left = users.count - users.flags.length - users.segments.length
  return (
    <ul class={css.users}>
      {users.segments.map(({ key, path }) => (
        <User key={`s:${key}`} icon="segments" name={key} href={paths.segment(project, environment, key)} path={path} />
      ))}
      {users.flags.map(({ key, path }) => (
        <User key={`f:${key}`} icon="flag" name={key} href={paths.flag(project, key, environment)} path={path} />
      ))}
      {left > 0 && <li class={css.soft}>and {left} more</li>}
    </ul>
  )
}

type UserProps = {
  readonly icon: 'flag' | 'segments'
  readonly name: string
  readonly href: string
  readonly path: readonly string[]
}

const User = ({ icon, name, href, path }: UserProps) => (
  <li class={css.user}>
    <Icon name={icon} size={14} />
    <span class="visuallyHidden">{icon === 'flag' ? 'Flag' : 'Segment'}</span>
    <a href={href}>{name}</a>
    {path.length > 0 && <span class={css.soft}>through {path.join(', ')}</span>}
  </li>
)
