import { useQuery } from '@tanstack/preact-query'
import { Time } from '../../../parts/display/time.tsx'
import { type FlagPlace, usageQuery } from '../queries.ts'
import * as css from './use.module.css'

const POLL_MS = 2_000
/** Ten minutes: a tab that is left open keeps no instance awake. */
const POLLS_MAX = 300

/** Whether an evaluation of the flag has arrived: when, and which variants the last hour gave. It names no user: contexts are not recorded. */
export function Received({ place }: { readonly place: FlagPlace }) {
  const { data } = useQuery({
    ...usageQuery(place, 1),
    refetchInterval: ({ state }) => (state.dataUpdateCount < POLLS_MAX ? POLL_MS : false),
  })
  if (!data) return null
  const { lastEvaluatedAt: at, items } = data
  const answers = [...new Set(items.map(({ variant, reason }) => variant ?? reason.toLowerCase()))].sort()
  return (
    <p class={css.received} data-received={at !== null}>
      <span role="status">{at === null ? 'Waiting for the first evaluation…' : 'Received'}</span>
      {at !== null && (
        <span>
          <Time at={at} />
          {answers.length > 0 && `: ${answers.join(', ')}`}
        </span>
      )}
    </p>
  )
}
