import { type Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import { checkShape, DEFINITION_DEPTH } from '../../flag/check/definition.ts'
import { checkJson } from '../../flag/check/json.ts'
import { type Definition as FlagDefinition, isRecord } from '../../flag/definition.ts'
import { FlagError, type Mistake as FlagMistake } from '../../flag/error.ts'
import { patchedPair } from '../../flag/plan/pair.ts'
import { authorize, authorOf } from '../../middleware/authentication.ts'
import { errorOf } from '../../middleware/problem.ts'
import type { Database } from '../../repository/postgres/database.ts'
import * as definitions from '../../repository/postgres/definitions.ts'
import type { RefreshFlags } from './environments.ts'
import {
  Definition,
  DefinitionPath,
  EnvironmentPath,
  FlagKey,
  lastEvaluatedAt,
  Mistake,
  managedBy,
  nextKey,
  Page,
  pageOf,
  revision,
} from './schemas.ts'
import { body, describeUnder, etagOf, mergePatch, path, preconditionOf, query, readJson } from './validation.ts'

const describe = describeUnder('Definitions')

const warnings = v.optional(
  v.pipe(
    v.array(Mistake),
    v.description('Valid here, but evaluated differently by other engines of flagd; absent where there are none'),
  ),
)
const WrittenDefinition = v.looseObject({ ...Definition.entries, warnings })
const StoredDefinition = v.object({ key: FlagKey, revision, definition: Definition })
const ListedDefinition = v.object({ ...StoredDefinition.entries, lastEvaluatedAt, managedBy })
const Rollback = v.strictObject({ revision: v.pipe(revision, v.minValue(0), v.safeInteger()) })
const RollbackResult = v.object({ ...StoredDefinition.entries, warnings })

/** `/api/v1/projects/:project/environments/:environment/flags`: how a flag is evaluated in one environment. */
export function definitionRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  const viewer = authorize(authenticate, 'viewer')
  const editor = authorize(authenticate, 'editor')
  const write = async (c: Context, name: definitions.FlagName, next: definitions.DefinitionChange['next']) => {
    const change = { next, expected: preconditionOf(c), author: authorOf(c) }
    const written = await definitions.changeDefinition(database, name, change)
    await refresh(`${name.project}/${name.environment}`)
    return written
  }
  return new Hono()
    .get(
      '/',
      describe('List the definitions of an environment', pageOf(ListedDefinition)),
      viewer,
      path(EnvironmentPath),
      query(Page),
      async (c) => {
        const page = c.req.valid('query')
        const rows = await definitions.listDefinitions(database, c.req.valid('param'), page)
        const items = rows.map((row) => ({
          ...toJson(row),
          lastEvaluatedAt: row.lastEvaluatedAt,
          managedBy: row.managedBy,
        }))
        return c.json({ items, next: nextKey(rows, page.limit) })
      },
    )
    .get('/:key', describe('Read a definition', Definition), viewer, path(DefinitionPath), async (c) => {
      const row = await definitions.readDefinition(database, flagNameOf(c.req.valid('param')))
      return c.json(row.definition, 200, etagOf(row.revision))
    })
    .put(
      '/:key',
      describe('Create or replace a definition', WrittenDefinition, { body: Definition }),
      editor,
      path(DefinitionPath),
      async (c) => {
        const { value, text } = await readJson(c)
        const definition = parseDefinition(withoutWarnings(value), text)
        return writtenResponse(c, await write(c, flagNameOf(c.req.valid('param')), () => definition))
      },
    )
    .patch(
      '/:key',
      describe('Change parts of a definition (JSON Merge Patch, RFC 7396)', WrittenDefinition, { body: Definition }),
      editor,
      path(DefinitionPath),
      async (c) => {
        const { value: patch, text } = await readJson(c)
        const mistakes = checkJson(patch, { depth: DEFINITION_DEPTH, text })
        if (mistakes.length > 0) throw invalid(mistakes)
        const written = await write(
          c,
          flagNameOf(c.req.valid('param')),
          (before) => before && parseDefinition(patched(before, withoutWarnings(patch))),
        )
        return writtenResponse(c, written)
      },
    )
    .delete('/:key', describe('Remove a definition from an environment'), editor, path(DefinitionPath), async (c) => {
      await write(c, flagNameOf(c.req.valid('param')), () => undefined)
      return c.body(null, 204)
    })
    .post(
      '/:key/rollback',
      describe('Roll a definition back to a revision', RollbackResult),
      editor,
      path(DefinitionPath),
      body(Rollback),
      async (c) => {
        const name = flagNameOf(c.req.valid('param'))
        const to = BigInt(c.req.valid('json').revision)
        const change = { to, expected: preconditionOf(c), author: authorOf(c) }
        const written = await definitions.rollBack(database, name, change)
        await refresh(`${name.project}/${name.environment}`)
        if (!written) return c.body(null, 204)
        return c.json({ ...toJson(written), ...warningsOf(written) }, 200, etagOf(written.revision))
      },
    )
}

const patched = (before: FlagDefinition, patch: unknown) => patchedPair(before, patch, mergePatch(before, patch))

function parseDefinition(value: unknown, text?: string): FlagDefinition {
  const { definition, mistakes } = checkShape(value, { text })
  if (definition) return definition
  throw invalid(mistakes)
}

const invalid = (mistakes: readonly FlagMistake[]) =>
  new FlagError('invalid', 'The definition is invalid', { mistakes })

const flagNameOf = ({ key, ...name }: { project: string; environment: string; key: string }): definitions.FlagName => ({
  ...name,
  flag: key,
})

const writtenResponse = (c: Context, written: definitions.ChangedDefinition | undefined) =>
  c.json(written && { ...written.definition, ...warningsOf(written) }, 200, written && etagOf(written.revision))

const warningsOf = ({ warnings }: definitions.ChangedDefinition) =>
  warnings.length > 0 ? { warnings: warnings.map(errorOf) } : {}

/** A client may send back what a response contained, `warnings` included; they are not part of the definition. */
function withoutWarnings(definition: unknown): unknown {
  if (!isRecord(definition) || !Object.hasOwn(definition, 'warnings')) return definition
  const { warnings: _, ...rest } = definition
  return rest
}

const toJson = ({ key, revision, definition }: definitions.StoredDefinition) => ({
  key,
  revision: Number(revision),
  definition,
})
