import { type QueryClient, useQueryClient } from '@tanstack/preact-query'
import { useEffect } from 'preact/hooks'
import { type Changed, followProject, liveState } from '../../api/live.ts'
import { queryKeys, refreshProject } from '../../api/queries.ts'
import { Icon } from '../../parts/display/icon.tsx'
import { lastProject } from '../project.ts'
import * as css from './rail.module.css'

const SAID = {
  live: { icon: 'live', word: 'Live', title: 'Changes of others appear by themselves' },
  paused: { icon: 'pause', word: 'Paused', title: 'Click to read the newest state' },
  offline: { icon: 'offline', word: 'Offline', title: 'The service is not reached: this is the last known state' },
} as const

/** Follows the open project, and says whether what is shown is live. A press reads everything again. */
export function LiveState() {
  const queries = useQueryClient()
  const project = lastProject.value
  useEffect(() => {
    if (project === undefined) return
    return followProject(project, (changed) => refresh(queries, project, changed))
  }, [project, queries])
  const { icon, word, title } = SAID[liveState.value]
  return (
    <button type="button" class={css.live} title={title} onClick={() => void queries.invalidateQueries()}>
      <Icon name={icon} size={13} />
      <span>{word}</span>
    </button>
  )
}

/** Reads again what changed. No stream names new projects: their list is read when a stream begins, and when the window gets the focus. */
function refresh(queries: QueryClient, project: string, changed: Changed): void {
  if (changed !== 'project') void queries.invalidateQueries({ queryKey: queryKeys.keys })
  if (changed !== 'keys') void refreshProject(queries, project)
  if (changed === 'anything') void queries.invalidateQueries({ queryKey: queryKeys.projects })
}
