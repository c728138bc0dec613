import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import type { Definition } from '../../../../flag/definition.ts'
import { FlagError } from '../../../../flag/error.ts'
import { cancelPlan, finishPlan, pauseRollout, resumeRollout, retreatRollout } from '../../../../flag/plan/edit/edit.ts'
import type { Plan } from '../../../../flag/plan/plan.ts'
import { ApiError } from '../../../api/client.ts'
import { refreshProject } from '../../../api/queries.ts'
import { isSignedOut } from '../../../app/session.ts'
import { showToast } from '../../../parts/overlays/toast.tsx'
import type { FlagPlace } from '../queries.ts'
import { type PlanEdit, putDefinition, writePlan } from './write-plan.ts'

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
      if (!(error instanceof ApiError || error instanceof FlagError)) throw error
      if (error instanceof ApiError && error.status === 401) isSignedOut.value = true
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
  const run = (edit: PlanEdit, did: string) =>
    void guarded(async () => {
      const { before, etag } = await writePlan(place, edit)
      showToast(`${place.key} in ${place.environment} ${did}`, { undo: () => void takeBack(before, etag) })
    })
  const change = (next: (plan: Plan, now: number) => Plan, did: string) => run((plan, now) => next(plan, now), did)
  return {
    pause: () => change(pauseRollout, 'is paused'),
    resume: (dates) => change((plan, now) => resumeRollout(plan, now, dates), 'goes on'),
    retreat: (how) => change((plan, now) => retreatRollout(plan, now, how), 'is taken back'),
    finish: (early) => change((plan, now) => finishPlan(plan, now, early), 'is finished'),
    cancel: () => change(cancelPlan, 'changes no more'),
    eject: () => run(() => null, 'keeps its rule without a plan'),
    isBusy,
  }
}
