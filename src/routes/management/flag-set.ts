import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import { readDocument } from '../../flag/check/document.ts'
import { documentOf, portableDocumentOf } from '../../flag/document.ts'
import { FlagError } from '../../flag/error.ts'
import { authorize, authorOf } from '../../middleware/authentication.ts'
import { errorOf } from '../../middleware/problem.ts'
import type { Database } from '../../repository/postgres/database.ts'
import type { DefinitionDifference } from '../../repository/postgres/flag-rows.ts'
import { applyFlagSet, exportFlagSet, type FlagSetProblem, findProblems } from '../../repository/postgres/flag-set.ts'
import type { RefreshFlags } from './environments.ts'
import {
  booleanText,
  Definition,
  EnvironmentPath,
  Mistake,
  metadata,
  ProblemPage,
  pageOf,
  revision,
} from './schemas.ts'
import { describeUnder, etagOf, path, preconditionOf, query, readJson } from './validation.ts'

const describe = describeUnder('Flag sets')
/** Mistakes shown for one flag or segment: a rule can have thousands. */
const PROBLEM_MISTAKES_MAX = 20

/** Other members are stored, and exported as they were. */
const FlagSetDocument = v.looseObject({
  $schema: v.optional(v.unknown()),
  flags: v.record(v.string(), Definition),
  $evaluators: v.optional(v.pipe(v.record(v.string(), v.unknown()), v.description('Segments: rules shared by name'))),
  metadata: v.optional(metadata),
})
const option = (fallback: 'true' | 'false', description: string) =>
  v.optional(v.pipe(booleanText, v.description(description)), fallback)
const ExportQuery = v.object({
  portable: option(
    'true',
    'False exports the document as it is stored. Otherwise segments that refer to others, or that flagd cannot match, are written out for flagd',
  ),
})
const ApplyQuery = v.object({
  dryRun: option('false', 'Return the difference and change nothing'),
  prune: option('false', 'Remove what the document does not name'),
  strict: option('true', 'False stores rules with mistakes, as flagd would load them; each such flag is isolated'),
})
const ApplyResult = v.object({
  revision,
  dryRun: v.boolean(),
  created: v.array(v.string()),
  updated: v.array(v.string()),
  removed: v.array(v.string()),
  segments: v.pipe(v.boolean(), v.description('Whether segments changed')),
  metadata: v.pipe(v.boolean(), v.description('Whether the flag set’s metadata changed')),
  members: v.pipe(v.boolean(), v.description('Whether other members of the document, such as $schema, changed')),
  differences: v.array(v.object({ key: v.string(), before: v.nullable(Definition), after: v.nullable(Definition) })),
  warnings: v.array(Mistake),
})
const FlagProblem = v.object({
  subject: v.picklist(['flag', 'segment']),
  key: v.string(),
  errors: v.pipe(
    v.array(Mistake),
    v.description(
      `At most ${PROBLEM_MISTAKES_MAX}, with pointers into the document that \`flagset?portable=false\` exports`,
    ),
  ),
  errorsLeftOut: v.optional(v.number()),
})

/** `…/environments/:environment/flagset`: a whole environment as one flagd document; `…/problems`: its mistakes. */
export function flagSetRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  const viewer = authorize(authenticate, 'viewer')
  const editor = authorize(authenticate, 'editor')
  return new Hono()
    .get(
      '/flagset',
      describe('Export an environment', FlagSetDocument),
      viewer,
      path(EnvironmentPath),
      query(ExportQuery),
      async (c) => {
        const exported = await exportFlagSet(database, c.req.valid('param'))
        const toDocument = c.req.valid('query').portable ? portableDocumentOf : documentOf
        return c.json(toDocument(exported), 200, etagOf(exported.revision))
      },
    )
    .put(
      '/flagset',
      describe('Apply a flagd document to an environment', ApplyResult, { body: FlagSetDocument }),
      editor,
      path(EnvironmentPath),
      query(ApplyQuery),
      async (c) => {
        const name = c.req.valid('param')
        const options = c.req.valid('query')
        const { value, text } = await readJson(c)
        const { source: document, mistakes } = readDocument(value, text)
        if (mistakes.length > 0) throw new FlagError('invalid', 'The document is not a flag set', { mistakes })
        const change = { document, ...options, expected: preconditionOf(c), author: authorOf(c) }
        const { revision, changed, segments, metadata, members, warnings } = await applyFlagSet(database, name, change)
        if (!options.dryRun) await refresh(`${name.project}/${name.environment}`)
        const result = {
          revision: Number(revision),
          dryRun: options.dryRun,
          ...keysOf(changed),
          segments,
          metadata,
          members,
          differences: changed.map(({ key, before = null, after = null }) => ({ key, before, after })),
          warnings: warnings.map(errorOf),
        }
        return c.json(result, 200, etagOf(revision))
      },
    )
    .get(
      '/problems',
      describe('List flags and segments with mistakes: invalid rules and dangling references', pageOf(FlagProblem)),
      viewer,
      path(EnvironmentPath),
      query(ProblemPage),
      async (c) => {
        const { revision, items, next } = await findProblems(database, c.req.valid('param'), c.req.valid('query'))
        return c.json({ items: items.map(toJson), next }, 200, etagOf(revision))
      },
    )
}

/** The keys of changed flags, by the kind of their change. */
function keysOf(changed: readonly DefinitionDifference[]) {
  const keys = (isWanted: (difference: DefinitionDifference) => boolean) =>
    changed.filter(isWanted).map(({ key }) => key)
  return {
    created: keys(({ before }) => before === undefined),
    updated: keys(({ before, after }) => before !== undefined && after !== undefined),
    removed: keys(({ after }) => after === undefined),
  }
}

function toJson({ subject, key, mistakes }: FlagSetProblem) {
  const errors = mistakes.slice(0, PROBLEM_MISTAKES_MAX).map(errorOf)
  const left = mistakes.length - errors.length
  return { subject, key, errors, ...(left > 0 && { errorsLeftOut: left }) }
}
