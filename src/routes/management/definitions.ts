import { Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { checkShape, DEFINITION_DEPTH } from '../../flag/check/definition.ts'
import { checkJson } from '../../flag/check/json.ts'
import type { Definition as FlagDefinition } from '../../flag/definition.ts'
import { isRecord } from '../../flag/definition.ts'
import { FlagError, type Mistake } from '../../flag/error.ts'
import { allow, authorOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import * as definitions from '../../repository/postgres/definitions.ts'
import type { Changed } from './environments.ts'
import { expectedBy, tagOf } from './preconditions.ts'
import { DefinitionPath, EnvironmentPath, Page, pageOf } from './schema-parts.ts'
import { ChangedDefinition, Definition, ListedDefinition, Rollback, RolledBack } from './schemas.ts'
import { body, documented, jsonBody, path, query } from './validation.ts'

const tag = 'Definitions'
const ONE = '/:project/environments/:environment/flags/:key'

/** `/api/v1/projects/:project/environments/:environment/flags`: what a flag does in one environment. */
export function definitionRoutes(database: Database, authenticate: Authenticate, changed: Changed): Hono {
  const editor = allow(authenticate, 'editor')
  const change = async (name: definitions.FlagName, wanted: definitions.DefinitionChange) => {
    const stored = await definitions.changeDefinition(database, name, wanted)
    await changed(`${name.project}/${name.environment}`)
    return stored
  }
  return new Hono()
    .get(
      '/:project/environments/:environment/flags',
      documented({ tag, summary: 'List the definitions of an environment', answer: pageOf(ListedDefinition) }),
      editor,
      path(EnvironmentPath),
      query(Page),
      async (c) => {
        const page = c.req.valid('query')
        const rows = await definitions.listDefinitions(database, c.req.valid('param'), page)
        return c.json({ items: rows.map(listed), next: rows.length < page.limit ? null : (rows.at(-1)?.key ?? null) })
      },
    )
    .get(
      ONE,
      documented({ tag, summary: 'Read a definition', answer: Definition }),
      editor,
      path(DefinitionPath),
      async (c) => {
        const stored = await definitions.readDefinition(database, nameOf(c.req.valid('param')))
        return c.json(stored.definition, 200, { etag: tagOf(stored.revision) })
      },
    )
    .put(
      ONE,
      documented({ tag, summary: 'Create or replace a definition', answer: ChangedDefinition, body: Definition }),
      editor,
      path(DefinitionPath),
      async (c) => {
        const { value, text } = await jsonBody(c)
        const definition = definitionFrom(withoutWarnings(value), text)
        const stored = await change(nameOf(c.req.valid('param')), {
          next: () => definition,
          expected: expectedBy(c),
          author: authorOf(c),
        })
        return c.json(answerOf(stored), 200, stored && { etag: tagOf(stored.revision) })
      },
    )
    .patch(
      ONE,
      documented({
        tag,
        summary: 'Change parts of a definition (JSON Merge Patch, RFC 7396)',
        answer: ChangedDefinition,
        body: Definition,
      }),
      editor,
      path(DefinitionPath),
      async (c) => {
        const { value: patch, text } = await jsonBody(c)
        refuse(checkJson(patch, { depth: DEFINITION_DEPTH, text }))
        const name = nameOf(c.req.valid('param'))
        const next = (before: FlagDefinition | undefined) =>
          before && definitionFrom(mergePatch(before, withoutWarnings(patch)))
        const stored = await change(name, { next, expected: expectedBy(c), author: authorOf(c) })
        return c.json(answerOf(stored), 200, stored && { etag: tagOf(stored.revision) })
      },
    )
    .delete(
      ONE,
      documented({ tag, summary: 'Remove a definition from an environment', status: 204 }),
      editor,
      path(DefinitionPath),
      async (c) => {
        await change(nameOf(c.req.valid('param')), {
          next: () => undefined,
          expected: expectedBy(c),
          author: authorOf(c),
        })
        return c.body(null, 204)
      },
    )
    .post(
      `${ONE}/rollback`,
      documented({ tag, summary: 'Bring a definition back to what it was at a revision', answer: RolledBack }),
      editor,
      path(DefinitionPath),
      body(Rollback),
      async (c) => {
        const name = nameOf(c.req.valid('param'))
        const to = BigInt(c.req.valid('json').revision)
        const stored = await definitions.rollBack(database, name, { to, expected: expectedBy(c), author: authorOf(c) })
        await changed(`${name.project}/${name.environment}`)
        return stored
          ? c.json({ ...shown(stored), ...warningsOf(stored) }, 200, { etag: tagOf(stored.revision) })
          : c.body(null, 204)
      },
    )
}

function definitionFrom(body: unknown, text?: string): FlagDefinition {
  const { definition, mistakes } = checkShape(body, { text })
  if (definition) return definition
  throw unfit(mistakes)
}

function refuse(mistakes: readonly Mistake[]): void {
  if (mistakes.length > 0) throw unfit(mistakes)
}

const unfit = (mistakes: readonly Mistake[]) =>
  new FlagError('invalid', 'The definition is not what it should be', { mistakes })

const nameOf = ({ key, ...name }: { project: string; environment: string; key: string }): definitions.FlagName => ({
  ...name,
  flag: key,
})

/** A definition that was written, with `warnings` where there are some. */
const answerOf = (stored: definitions.ChangedDefinition | undefined) =>
  stored && { ...stored.definition, ...warningsOf(stored) }

const warningsOf = ({ warnings }: definitions.ChangedDefinition) =>
  warnings.length > 0 ? { warnings: warnings.map(({ pointer, message }) => ({ pointer, detail: message })) } : {}

/** `warnings` is a member of answers: a definition that comes back with it is stored without. */
function withoutWarnings(definition: unknown): unknown {
  if (!isRecord(definition) || !Object.hasOwn(definition, 'warnings')) return definition
  const { warnings: _, ...rest } = definition
  return rest
}

const shown = ({ key, revision, definition }: definitions.StoredDefinition) => ({
  key,
  revision: Number(revision),
  definition,
})

const listed = ({ lastEvaluatedAt, ...stored }: definitions.ListedDefinition) => ({ ...shown(stored), lastEvaluatedAt })

/**
 * Applies a JSON Merge Patch (RFC 7396) and returns the result; neither argument is changed. Members are defined, not
 * assigned, so that a patch that names "__proto__" adds a member and touches no prototype.
 */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const merged = new Map(isRecord(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, mergePatch(merged.get(name), value))
  }
  return Object.fromEntries(merged)
}
