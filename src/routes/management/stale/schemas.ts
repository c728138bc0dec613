import * as v from 'valibot'
import { EVIDENCE_KINDS } from '../../../flag/stale/evidence.ts'
import { STALE_STATUSES } from '../../../flag/stale/status.ts'
import { DEFAULT_THRESHOLDS, type FLAG_KINDS } from '../../../flag/stale/thresholds.ts'
import { EnvironmentKey, FlagKey, instant, pageOf } from '../schemas.ts'

const variant = v.pipe(v.nullable(v.string()), v.description('Null: the default in the application’s code'))
const by = (description: string) => v.pipe(v.array(v.string()), v.description(description))

const Evidence = v.object({
  kind: v.pipe(
    v.picklist(EVIDENCE_KINDS),
    v.description(
      'one-answer: one variant only was served; constant: the definition can answer one variant only; unused: no evaluation; ' +
        'expired: older than its lifetime; untouched: no change; no-code: no reference in code; orphan: no definition',
    ),
  ),
  since: v.nullable(instant('Since when')),
  environment: v.optional(v.string()),
  variant: v.optional(variant),
  evaluations: v.optional(v.pipe(v.number(), v.description('Within the days of the threshold of one answer'))),
})
const Doubt = v.object({
  kind: v.pipe(
    v.picklist(['synced', 'never-launched']),
    v.description(
      'synced: clients evaluate in process there, which is not counted; never-launched: it never answered anything else, its launch may be ahead',
    ),
  ),
  environment: v.string(),
  lastSyncAt: v.optional(v.nullable(instant('Last synchronisation'))),
  by: v.optional(by('User agents of these clients')),
  variant: v.optional(variant),
})
const Hold = v.object({
  kind: v.pipe(
    v.picklist(['needed', 'scheduled', 'grouped']),
    v.description('needed: other flags need it; scheduled: time changes it; grouped: it is in a group or holdout'),
  ),
  by: v.optional(by('Flags that need it')),
  environment: v.optional(v.string()),
  at: v.optional(v.nullable(instant('When it changes next'))),
})
export const StaleFlags = v.object({
  ...pageOf(
    v.object({
      flag: FlagKey,
      status: v.pipe(
        v.picklist(STALE_STATUSES),
        v.description('finished: one answer everywhere; abandoned: not used; overdue: only its lifetime has ended'),
      ),
      since: v.nullable(instant('Since when')),
      owner: v.string(),
      evidence: v.array(Evidence),
      unsure: v.pipe(v.array(Doubt), v.description('Why a conclusion is not drawn')),
      held: v.pipe(v.array(Hold), v.description('Why the flag stays although evidence says otherwise')),
      next: v.pipe(v.nullable(v.string()), v.description('What to do')),
      keep: v.optional(v.pipe(variant, v.description('The variant to keep in the code of a finished flag'))),
      dismissedUntil: v.nullable(instant('Until when it is not listed')),
      dismissedReason: v.string(),
    }),
  ).entries,
  counts: v.pipe(v.record(v.string(), v.number()), v.description('Flags of each status, on this page and after it')),
})

const DAYS_MAX = 3_650
const days = (fallback: number, description: string) =>
  v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(DAYS_MAX), v.description(`${description} (${fallback})`))
const { lifetimeDays, ...defaults } = DEFAULT_THRESHOLDS
const lifetime = v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(DAYS_MAX))))
export const Thresholds = v.strictObject({
  newDays: days(defaults.newDays, 'A younger flag is new'),
  answerDays: days(defaults.answerDays, 'How long a flag has had one answer and an unchanged definition'),
  unusedDays: days(defaults.unusedDays, 'How long a flag was not evaluated'),
  untouchedDays: days(defaults.untouchedDays, 'How long a flag was not changed'),
  codeDays: days(defaults.codeDays, 'How old a scan of code may be'),
  lifetimeDays: v.pipe(
    v.strictObject({
      release: lifetime,
      experiment: lifetime,
      operational: lifetime,
      killSwitch: lifetime,
      permission: lifetime,
    } satisfies Record<(typeof FLAG_KINDS)[number], unknown>),
    v.description(`Days by kind of flag; null: it stays (${JSON.stringify(lifetimeDays)})`),
  ),
  environments: v.pipe(
    v.nullable(v.array(EnvironmentKey)),
    v.description('The environments that decide whether a flag is finished; null: all that are in use'),
  ),
})
