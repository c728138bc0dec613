import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import type { Definition } from '../../../../flag/definition.ts'
import { ApiError, call } from '../../../api/client.ts'
import { refreshProject } from '../../../api/queries.ts'
import { isSignedOut } from '../../../app/session.ts'
import { showToast } from '../../../parts/overlays/toast.tsx'
import { FLAG_PATH, type FlagPlace } from '../queries.ts'
import { type PlanWrite, putDefinition, writePlan } from './write-plan.ts'

/** What can be done to a rollout. Each is one write. */
export type PlanVerbs = {
  readonly pause: () => void
  /** `keep`: on the planned dates; otherwise everything is later by the length of the pause. */
  readonly resume: (dates: 'shift' | 'keep') => void
  readonly retreat: (how: 'now' | 'first-in-last-out') => void
  /** Makes what is served at the end the rule; before the end with `early`. */
  readonly finish: (early: boolean) => void
  /** Drops what has not begun. */
  readonly cancel: () => void
  /** Drops the plan and keeps the rule that was made from it. */
  readonly eject: () => void
  readonly isBusy: boolean
}

/** The verbs of the plan of a flag. Each shows what it did, with Undo, which stores the definition of before. */
export function usePlanVerbs(place: FlagPlace): PlanVerbs {
  const queries = useQueryClient()
  const [isBusy, setBusy] = useState(false)
  const guarded = async (write: () => Promise<void>) => {
    setBusy(true)
    try {
      await write()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status === 401) isSignedOut.value = true
      showToast(`${place.key}: ${error.message}`, { isError: true })
    } finally {
      await refreshProject(queries, place.project)
      setBusy(false)
    }
  }
  const takeBack = (before: Definition, etag: string | undefined) =>
    guarded(async () => {
      await putDefinition(place, before, etag)
      showToast(`${place.key} in ${place.environment} is as before`)
    })
  const run = (write: PlanWrite, did: string) =>
    void guarded(async () => {
      const { before, etag } = await writePlan(place, write)
      showToast(`${place.key} in ${place.environment} ${did}`, { undo: () => void takeBack(before, etag) })
    })
  const path = place
  return {
    pause: () => run((_, options) => call(`POST ${FLAG_PATH}/plan/pause`, { path }, options), 'is paused'),
    resume: (dates) =>
      run((_, options) => call(`POST ${FLAG_PATH}/plan/resume`, { path, query: { dates } }, options), 'goes on'),
    retreat: (how) =>
      run((_, options) => call(`POST ${FLAG_PATH}/plan/retreat`, { path, body: { how } }, options), 'is taken back'),
    finish: (early) =>
      run(
        (_, options) => call(`POST ${FLAG_PATH}/plan/finish`, { path, query: { early: `${early}` } }, options),
        'is finished',
      ),
    cancel: () => run((_, options) => call(`POST ${FLAG_PATH}/plan/cancel`, { path }, options), 'changes no more'),
    eject: () =>
      run(
        ({ flagstaff: _, ...definition }, { ifMatch }) => putDefinition(place, definition as Definition, ifMatch),
        'keeps its rule without a plan',
      ),
    isBusy,
  }
}
