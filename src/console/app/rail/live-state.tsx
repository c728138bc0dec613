import { type QueryClient, useQueryClient } from '@tanstack/preact-query'
import { useEffect } from 'preact/hooks'
import { writesEnded } from '../../api/client.ts'
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
    return followProject(project, refreshing(queries, project))
  }, [project, queries])
  const { icon, word, title } = SAID[liveState.value]
  return (
    <button type="button" class={css.live} title={title} onClick={() => void queries.invalidateQueries()}>
      <Icon name={icon} size={13} />
      <span>{word}</span>
    </button>
  )
}

/**
 * Reads again what changed, for one hint after the other: a change of many flags is many hints, of which one reading sees all that came
 * before it. No stream names new projects: their list is read when a stream begins, and when the window gets the focus.
 */
function refreshing(queries: QueryClient, project: string): (changed: Changed) => void {
  let due: Changed[] = []
  let isReading = false
  return async (changed) => {
    due.push(changed)
    if (isReading) return
    isReading = true
    while (due.length > 0) {
      await writesEnded() // the hint of a write may come before its answer
      const hints = due
      due = []
      await refresh(queries, project, hints).catch(() => undefined) // the page shows what could not be read
    }
    isReading = false
  }
}

async function refresh(queries: QueryClient, project: string, hints: readonly Changed[]): Promise<void> {
  const isAfterPause = hints.includes('anything')
  const reached = hints.filter((hint) => typeof hint === 'object')
  await Promise.all([
    isAfterPause && queries.invalidateQueries({ queryKey: queryKeys.projects }),
    (isAfterPause || hints.includes('keys')) && queries.invalidateQueries({ queryKey: queryKeys.keys }),
    isAfterPause || hints.includes('flags')
      ? refreshProject(queries, project)
      : reached.length > 0 && refreshProject(queries, project, reached),
  ])
}
