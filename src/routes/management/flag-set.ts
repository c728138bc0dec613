import { Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { readDocument } from '../../flag/check/document.ts'
import { documentOf, portableDocumentOf } from '../../flag/document.ts'
import { FlagError, type Mistake } from '../../flag/error.ts'
import { allow, authorOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import type { Difference } from '../../repository/postgres/flag-rows.ts'
import { applyFlagSet, exportFlagSet } from '../../repository/postgres/flag-set.ts'
import { findProblems, type Problem } from '../../repository/postgres/problems.ts'
import type { Changed } from './environments.ts'
import {
  Applied,
  ApplyQuery,
  ExportQuery,
  FlagProblem,
  FlagSetDocument,
  PROBLEM_MISTAKES_MAX,
  ProblemQuery,
} from './flag-set-schemas.ts'
import { expectedBy, tagOf } from './preconditions.ts'
import { EnvironmentPath, pageOf } from './schema-parts.ts'
import { documented, jsonBody, path, query } from './validation.ts'

const tag = 'Flag sets'
const PATH = '/:project/environments/:environment/flagset'
const PROBLEMS = '/:project/environments/:environment/problems'

/** `…/environments/:environment/flagset`: a whole environment as one flagd document; `…/problems`: what is wrong in it. */
export function flagSetRoutes(database: Database, authenticate: Authenticate, changed: Changed): Hono {
  const editor = allow(authenticate, 'editor')
  return new Hono()
    .get(
      PATH,
      documented({ tag, summary: 'Export an environment', answer: FlagSetDocument }),
      editor,
      path(EnvironmentPath),
      query(ExportQuery),
      async (c) => {
        const exported = await exportFlagSet(database, c.req.valid('param'))
        const write = c.req.valid('query').portable ? portableDocumentOf : documentOf
        return c.json(write(exported), 200, { etag: tagOf(exported.revision) })
      },
    )
    .put(
      PATH,
      documented({
        tag,
        summary: 'Make an environment say what a flagd document says',
        answer: Applied,
        body: FlagSetDocument,
      }),
      editor,
      path(EnvironmentPath),
      query(ApplyQuery),
      async (c) => {
        const name = c.req.valid('param')
        const options = c.req.valid('query')
        const { value, text } = await jsonBody(c)
        const { source: document, mistakes } = readDocument(value, text)
        if (mistakes.length > 0) throw new FlagError('invalid', 'The document is not a flag set', { mistakes })
        const applied = await applyFlagSet(database, name, {
          document,
          ...options,
          expected: expectedBy(c),
          author: authorOf(c),
        })
        if (!options.dryRun) await changed(`${name.project}/${name.environment}`)
        const { revision, segments, metadata, members, warnings } = applied
        const answer = {
          revision: Number(revision),
          dryRun: options.dryRun,
          ...sorted(applied.changed),
          segments,
          metadata,
          members,
          differences: applied.changed.map(({ key, before = null, after = null }) => ({ key, before, after })),
          warnings: warnings.map(toError),
        }
        return c.json(answer, 200, { etag: tagOf(revision) })
      },
    )
    .get(
      PROBLEMS,
      documented({
        tag,
        summary: 'List the flags and segments that have mistakes: wrong rules, and references to nothing',
        answer: pageOf(FlagProblem),
      }),
      editor,
      path(EnvironmentPath),
      query(ProblemQuery),
      async (c) => {
        const { revision, items, next } = await findProblems(database, c.req.valid('param'), c.req.valid('query'))
        return c.json({ items: items.map(shown), next }, 200, { etag: tagOf(revision) })
      },
    )
}

function sorted(changed: readonly Difference[]) {
  const keys = (isWanted: (difference: Difference) => boolean) => changed.filter(isWanted).map(({ key }) => key)
  return {
    created: keys(({ before }) => before === undefined),
    updated: keys(({ before, after }) => before !== undefined && after !== undefined),
    removed: keys(({ after }) => after === undefined),
  }
}

function shown({ subject, key, mistakes }: Problem) {
  const errors = mistakes.slice(0, PROBLEM_MISTAKES_MAX).map(toError)
  const left = mistakes.length - errors.length
  return { subject, key, errors, ...(left > 0 && { errorsLeftOut: left }) }
}

const toError = ({ pointer, message }: Mistake) => ({ pointer, detail: message })
