import { type Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import type { Doubt, Evidence } from '../../../flag/stale/evidence.ts'
import { EVIDENCE_KINDS } from '../../../flag/stale/evidence.ts'
import { DAY_MS } from '../../../flag/stale/facts.ts'
import { type Hold, STALE_STATUSES, type StaleReport, staleReport } from '../../../flag/stale/status.ts'
import { authorize, authorOf, principalOf } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { countEvaluations, type EvaluationTotals } from '../../../repository/postgres/stale/evaluations.ts'
import { type KnownFlag, readStaleFacts } from '../../../repository/postgres/stale/facts.ts'
import { readThresholds, writeThresholds } from '../../../repository/postgres/stale/settings.ts'
import { EnvironmentKey, Page, ProjectPath, text } from '../schemas.ts'
import { body, describeUnder, path, query } from '../validation.ts'
import { StaleFlags, Thresholds } from './schemas.ts'

const describe = describeUnder('Stale flags')
/** What is listed unless a status is asked for. */
const LISTED: readonly StaleReport['status'][] = ['finished', 'abandoned', 'overdue']

const StaleQuery = v.object({
  ...Page.entries,
  environment: v.optional(v.pipe(EnvironmentKey, v.description('Only flags with evidence in this environment'))),
  evidence: v.optional(v.pipe(v.picklist(EVIDENCE_KINDS), v.description('Only flags with evidence of this kind'))),
  owner: v.optional(text(200)),
  status: v.optional(
    v.pipe(v.picklist(STALE_STATUSES), v.description('Only flags of this status (finished, abandoned and overdue)')),
  ),
})
type StaleFilter = v.InferOutput<typeof StaleQuery>
type JudgedFlag = { readonly flag: KnownFlag; readonly report: StaleReport }

/** `…/projects/:project/stale`: flags that may be removed, with the evidence. `now`: milliseconds since 1970. */
export function staleRoutes(database: Database, authenticate: Authenticate, now: () => number): Hono {
  return new Hono()
    .get(
      '/',
      describe('List flags that may be removed, with evidence', StaleFlags),
      authorize(authenticate, 'viewer'),
      path(ProjectPath),
      query(StaleQuery),
      async (c) => {
        const { project } = c.req.valid('param')
        const filter = c.req.valid('query')
        const at = now()
        const { flags, environments, thresholds } = await readStaleFacts(database, project, at)
        const scope = { thresholds, now: at }
        const judged = flags
          .filter(({ key }) => key > filter.after)
          .map((flag): JudgedFlag => ({ flag, report: staleReport(flag, environments, scope) }))
          .filter((one) => isWanted(one, filter))
        const page = judged.slice(0, filter.limit)
        const from = new Date(at - thresholds.answerDays * DAY_MS)
        const flagIds = page.map(({ flag }) => flag.id)
        const totals = await countEvaluations(database, project, { flagIds, from })
        const counts = Object.groupBy(judged, ({ report }) => report.status)
        return c.json({
          items: page.map((one) => toJson(one, totals, scopeOf(c))),
          next: judged.length > page.length ? (page.at(-1)?.flag.key ?? null) : null,
          counts: Object.fromEntries(Object.entries(counts).map(([status, list]) => [status, list.length])),
        })
      },
    )
    .get(
      '/settings',
      describe('Read the thresholds of evidence', Thresholds),
      authorize(authenticate, 'viewer'),
      path(ProjectPath),
      async (c) => c.json(await readThresholds(database, c.req.valid('param').project)),
    )
    .put(
      '/settings',
      describe('Replace the thresholds of evidence; what is missing has its default', Thresholds),
      authorize(authenticate, 'admin'),
      path(ProjectPath),
      body(v.partial(Thresholds)),
      async (c) => {
        const { project } = c.req.valid('param')
        const stale = JSON.parse(JSON.stringify(c.req.valid('json')))
        return c.json(await writeThresholds(database, project, { stale, author: authorOf(c) }))
      },
    )
}

/** The environment of the key, which sees no evidence of others; undefined: all. */
const scopeOf = (c: Context): string | undefined => principalOf(c)?.environment?.environment

function isWanted({ flag, report }: JudgedFlag, { status, owner, evidence, environment }: StaleFilter): boolean {
  if (status === undefined ? !LISTED.includes(report.status) : report.status !== status) return false
  if (owner !== undefined && flag.owner !== owner) return false
  return (
    report.evidence.some(
      (one) =>
        (evidence === undefined || one.kind === evidence) &&
        (environment === undefined || one.environment === undefined || one.environment === environment),
    ) ||
    (evidence === undefined && environment === undefined)
  )
}

const instantOf = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

function toJson({ flag, report }: JudgedFlag, totals: EvaluationTotals, scope: string | undefined) {
  const isSeen = (one: { readonly environment?: string }) =>
    scope === undefined || one.environment === undefined || one.environment === scope
  const { status, since, evidence, unsure, held, keep } = report
  return {
    flag: flag.key,
    status,
    since: instantOf(since),
    owner: flag.owner,
    evidence: evidence.filter(isSeen).map((one) => evidenceJson(one, totals.get(`${one.environment}/${flag.key}`))),
    unsure: unsure.filter(isSeen).map(doubtJson),
    held: held.filter((one) => !('environment' in one) || isSeen(one)).map(holdJson),
    next: NEXT[status],
    ...(keep !== undefined && { keep }),
    dismissedUntil: instantOf(flag.dismissedUntil),
    dismissedReason: flag.dismissedReason,
  }
}

/** What to do about a flag. */
const NEXT: Readonly<Record<StaleReport['status'], string | null>> = {
  finished: 'Keep the variant in the code, remove the code that asks for the flag, then archive it',
  abandoned: 'Make sure that no code asks for it, then archive it',
  overdue: 'Decide: remove it, give it more time, or make it permanent',
  dismissed: null,
  permanent: null,
  new: null,
  active: null,
}

const evidenceJson = ({ since, ...evidence }: Evidence, evaluations: number | undefined) => ({
  ...evidence,
  since: instantOf(since),
  ...(evidence.kind === 'one-answer' && { evaluations: evaluations ?? 0 }),
})

const doubtJson = (doubt: Doubt) =>
  doubt.kind === 'synced' ? { ...doubt, lastSyncAt: instantOf(doubt.lastSyncAt) } : doubt

const holdJson = (hold: Hold) => (hold.kind === 'scheduled' ? { ...hold, at: instantOf(hold.at) } : hold)
