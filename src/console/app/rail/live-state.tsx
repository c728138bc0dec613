import { useQueryClient } from '@tanstack/preact-query'
import { useEffect } from 'preact/hooks'
import { followProject, liveState } from '../../api/live.ts'
import { refreshProject } from '../../api/queries.ts'
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
    return followProject(project, () => void refreshProject(queries, project))
  }, [project, queries])
  const { icon, word, title } = SAID[liveState.value]
  return (
    <button type="button" class={css.live} title={title} onClick={() => void queries.invalidateQueries()}>
      <Icon name={icon} size={13} />
      <span>{word}</span>
    </button>
  )
}
