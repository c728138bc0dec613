import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import type { Snapshot } from '../../cache/snapshots.ts'
import { checkShape } from '../../flag/check/definition.ts'
import { type Context, type Definition as FlagDefinition, isRecord } from '../../flag/definition.ts'
import { FlagError } from '../../flag/error.ts'
import { type Evaluation, evaluate, isFiniteContext } from '../../flag/evaluate.ts'
import { explain, possibleChanges } from '../../flag/explain/explain.ts'
import { compileWith, type ExplainableFlag } from '../../flag/explain/trace.ts'
import type { FlagSet } from '../../flag/flag-set.ts'
import { authorize } from '../../middleware/authentication.ts'
import { Definition, EnvironmentPath, FlagKey, instant, revision, time } from './schemas.ts'
import { body, describeUnder, path, readJson } from './validation.ts'

const describe = describeUnder('Explain')

const FLAGS_MAX = 100
const CONTEXTS_MAX = 1_000
/** Evaluations between two turns of the event loop, so that other requests are answered meanwhile. */
const BATCH = 50

const ContextObject = v.pipe(
  v.unknown(),
  v.check(isRecord, 'must be an object'),
  v.check((value) => isRecord(value) && isFiniteContext(value), 'must have finite numbers only'),
)
const ExplainRequest = v.strictObject({
  context: v.optional(v.pipe(ContextObject, v.description('The evaluation context of one user'))),
  contexts: v.optional(
    v.pipe(
      v.array(ContextObject),
      v.minLength(1),
      v.maxLength(CONTEXTS_MAX),
      v.description('Counts variants instead of explaining'),
    ),
  ),
  flags: v.pipe(v.array(FlagKey), v.minLength(1), v.maxLength(FLAGS_MAX)),
  at: v.optional(v.pipe(time, v.description('Evaluates as at this moment; now by default'))),
  definition: v.optional(
    v.pipe(Definition, v.description('A draft in place of the stored definition; for one flag only')),
  ),
})

const Answer = v.object({
  value: v.optional(v.unknown()),
  variant: v.optional(v.string()),
  reason: v.string(),
  errorCode: v.optional(v.string()),
  errorDetails: v.optional(v.string()),
  metadata: v.record(v.string(), v.unknown()),
})
const Decision = v.object({
  kind: v.picklist(['rule', 'otherwise', 'default_variant', 'code_default', 'disabled', 'held', 'not_found', 'error']),
  rule: v.optional(v.pipe(v.number(), v.description('From 0'))),
  pointer: v.optional(v.string()),
})
const Node = v.pipe(
  v.looseObject({ pointer: v.string(), kind: v.string(), value: v.unknown() }),
  v.description(
    'A node of the rule: kind is all, any, not, clause, segment, split, advanced or constant; value is "not_reached" for a node that was not evaluated',
  ),
)
const ExplainedRule = v.object({
  rule: v.number(),
  pointer: v.string(),
  outcome: v.picklist(['match', 'no_match', 'not_reached', 'error']),
  condition: Node,
  result: Node,
})
const ExplainedFlag = v.object({
  key: v.string(),
  answer: Answer,
  decidedBy: Decision,
  summary: v.string(),
  rules: v.array(ExplainedRule),
  otherwise: v.optional(Node),
  segments: v.record(v.string(), v.object({ pointer: v.string(), value: v.unknown() })),
  used: v.pipe(v.array(v.string()), v.description('Attributes that the evaluation read')),
  missing: v.pipe(v.array(v.string()), v.description('Those of them that the context does not have')),
  readsClock: v.boolean(),
  changes: v.pipe(
    v.array(v.object({ pointer: v.string(), variant: v.nullable(v.string()) })),
    v.description('Single clauses whose opposite would give another variant; only where one flag is explained'),
  ),
  truncated: v.boolean(),
})
const Count = v.object({
  key: v.string(),
  variants: v.pipe(v.record(v.string(), v.number()), v.description('Contexts by variant')),
  withoutVariant: v.pipe(v.number(), v.description('Contexts for which applications use the default in their code')),
  errors: v.number(),
})
const Result = v.object({
  revision,
  at: instant('The moment of the evaluation'),
  bucketing: v.string(),
  explanations: v.optional(v.array(ExplainedFlag)),
  counts: v.optional(v.array(Count)),
})

/** A promise only for an environment that is not cached. Throws `not_found` or `unavailable`. */
export type CurrentSnapshot = (flagSetId: string) => Snapshot | Promise<Snapshot>

/** `POST /api/v1/projects/:project/environments/:environment/explain`: why users get their values. Contexts are neither stored nor logged. */
export function explainRoutes(authenticate: Authenticate, current: CurrentSnapshot, nowMs: () => number): Hono {
  return new Hono().post(
    '/explain',
    describe('Explain evaluations', Result),
    authorize(authenticate, 'viewer'),
    path(EnvironmentPath),
    body(ExplainRequest),
    async (c) => {
      const { flags: keys, at = new Date(nowMs()) } = c.req.valid('json')
      const { context = {}, contexts, definition } = (await readJson(c)).value as RawRequest
      const { project, environment } = c.req.valid('param')
      const { revision: newest, flagSet } = await current(`${project}/${environment}`)
      const flags = explainableFlags(flagSet, keys, definition)
      const now = Math.floor(at.getTime() / 1_000)
      const head = { revision: Number(newest), at: at.toISOString(), bucketing: flagSet.bucketing }
      c.header('cache-control', 'no-store')
      if (contexts) return c.json({ ...head, counts: await inTurns(flags, (flag) => countsOf(flag, contexts, now)) })
      const options = { context, now, withChanges: keys.length === 1 }
      return c.json({ ...head, explanations: await inTurns(flags, async (flag) => explanationOf(flag, options)) })
    },
  )
}

/** Contexts and drafts as they were sent: the schema library drops members such as "constructor". */
type RawRequest = { readonly context?: Context; readonly contexts?: readonly Context[]; readonly definition?: unknown }

type KeyedFlag = { readonly key: string; readonly flag: ExplainableFlag | undefined }

function explainableFlags(set: FlagSet, keys: readonly string[], draft: unknown): KeyedFlag[] {
  const { segments, metadata, bucketing } = set
  if (draft !== undefined && keys.length !== 1)
    throw new FlagError('invalid', 'A draft needs exactly one flag', {
      mistakes: [{ pointer: '/flags', message: 'must name the flag of the draft alone' }],
    })
  return keys.map((key) => {
    const definition = draft === undefined ? set.flags.get(key)?.definition : parseDraft(draft)
    return { key, flag: definition && { key, definition, segments, metadata, bucketing } }
  })
}

function parseDraft(draft: unknown): FlagDefinition {
  const { definition, mistakes } = checkShape(draft, { pointer: '/definition' })
  if (definition) return definition
  throw new FlagError('invalid', 'The draft is not a definition', { mistakes })
}

/** Maps one item in each turn of the event loop, so that other requests are answered meanwhile. */
async function inTurns<Item, Result>(items: readonly Item[], map: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  for (const item of items) {
    await new Promise(setImmediate)
    results.push(await map(item))
  }
  return results
}

type ExplainOptions = { readonly context: Context; readonly now: number; readonly withChanges: boolean }

function explanationOf({ key, flag }: KeyedFlag, { context, now, withChanges }: ExplainOptions): object {
  if (!flag) return missingFlag(key)
  const { evaluation, ...explanation } = explain(flag, context, now)
  const changes = withChanges ? possibleChanges(flag, { ...explanation, evaluation }, context, now) : []
  return {
    ...explanation,
    answer: answerOf(evaluation),
    changes: changes.map(({ pointer, variant = null }) => ({ pointer, variant })),
  }
}

function answerOf({ key: _, ...answer }: Evaluation): object {
  return answer
}

function missingFlag(key: string): object {
  const errorDetails = 'The flag has no definition in this environment'
  return {
    key,
    answer: { reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND', errorDetails, metadata: {} },
    decidedBy: { kind: 'not_found' },
    summary: errorDetails,
    ...{ rules: [], segments: {}, used: [], missing: [], readsClock: false, changes: [], truncated: false },
  }
}

async function countsOf({ key, flag }: KeyedFlag, contexts: readonly Context[], now: number): Promise<object> {
  const variants = new Map<string, number>()
  const counts = { key, withoutVariant: 0, errors: 0 }
  const compiled = flag && compileWith(flag)
  for (const [index, context] of contexts.entries()) {
    if (index % BATCH === 0) await new Promise(setImmediate)
    const evaluation = compiled && evaluate(compiled, context, now)
    if (evaluation === undefined || evaluation.reason === 'ERROR') counts.errors += 1
    else if (evaluation.variant === undefined) counts.withoutVariant += 1
    else variants.set(evaluation.variant, (variants.get(evaluation.variant) ?? 0) + 1)
  }
  return { ...counts, variants: Object.fromEntries(variants) }
}
