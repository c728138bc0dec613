import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { authorize } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import {
  REFERENCES_SHOWN_MAX,
  readCodeReferences,
  replaceCodeReferences,
} from '../../../repository/postgres/stale/code-references.ts'
import { FlagKey, FlagPath, instant, ProjectKey, text, time } from '../schemas.ts'
import { body, describeUnder, path } from '../validation.ts'

const describe = describeUnder('Code references')
const REFERENCES_MAX = 50_000
const LINE_MAX = 10_000_000

const RepositoryPath = v.object({
  project: ProjectKey,
  repository: v.pipe(text(200), v.minLength(1), v.description('Name of a repository, such as github.com/example/shop')),
})
const filled = (max: number) => v.pipe(text(max), v.minLength(1))
const commit = v.pipe(v.string(), v.regex(/^[0-9a-f]{7,64}$/, 'must be the hash of a commit'))
const line = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LINE_MAX))
const Scan = v.strictObject({
  branch: filled(200),
  commit,
  committedAt: v.pipe(time, v.description('An older commit than the last one is refused')),
  references: v.pipe(
    v.array(
      v.strictObject({
        flag: FlagKey,
        path: filled(1_000),
        line,
        text: v.optional(v.pipe(text(200), v.description('The line of source, if it may be stored')), ''),
      }),
    ),
    v.maxLength(REFERENCES_MAX),
  ),
})
const StoredScan = v.object({
  references: v.pipe(v.number(), v.description('References that are stored')),
  unknown: v.pipe(
    v.array(v.string()),
    v.description('Keys that no flag has, at most 1,000; their references are dropped'),
  ),
})
const References = v.object({
  scans: v.array(
    v.object({
      repository: v.string(),
      branch: v.string(),
      commit,
      committedAt: instant('Of the commit'),
      reportedAt: instant('When the scan was received'),
      references: v.pipe(v.number(), v.description('References to this flag')),
    }),
  ),
  items: v.pipe(
    v.array(v.object({ repository: v.string(), branch: v.string(), path: v.string(), line, text: v.string() })),
    v.description(`At most ${REFERENCES_SHOWN_MAX}`),
  ),
})

/** `…/projects/:project/code-references/:repository` and `…/flags/:key/code-references`: where code names flags. */
export function codeReferenceRoutes(database: Database, authenticate: Authenticate): Hono {
  return new Hono()
    .put(
      '/code-references/:repository',
      describe('Replace the references that a scan of a branch found', StoredScan),
      authorize(authenticate, 'editor'),
      path(RepositoryPath),
      body(Scan),
      async (c) => {
        const { project, repository } = c.req.valid('param')
        return c.json(await replaceCodeReferences(database, project, { repository, ...c.req.valid('json') }))
      },
    )
    .get(
      '/flags/:key/code-references',
      describe('List where code names a flag', References),
      authorize(authenticate, 'viewer'),
      path(FlagPath),
      async (c) => {
        const { project, key } = c.req.valid('param')
        const { scans, items } = await readCodeReferences(database, project, key)
        const instantOf = (at: string) => new Date(at).toISOString()
        return c.json({
          scans: scans.map((scan) => ({
            ...scan,
            committedAt: instantOf(scan.committedAt),
            reportedAt: instantOf(scan.reportedAt),
          })),
          items: items.map(({ flag: _, ...item }) => item),
        })
      },
    )
}
