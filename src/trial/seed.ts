import { readDocument } from '../flag/check/document.ts'
import { type Author, type ChangeRecord, listChanges } from '../repository/postgres/changes.ts'
import type { Database } from '../repository/postgres/database.ts'
import { createEnvironment } from '../repository/postgres/environments.ts'
import { applyFlagSet } from '../repository/postgres/flag-set.ts'
import { createProject, listProjects } from '../repository/postgres/projects.ts'

const PROJECT = 'default'
const ENVIRONMENTS = [
  ['development', 'Development'],
  ['production', 'Production'],
] as const
const AUTHOR: Author = { actor: 'trial mode', comment: 'Sample flags', traceId: '' }

/** Larger than the number of change records that the seed makes. */
const CHANGES_MAX = 100

/** Sample flags: a switch, a rule, a rollout. */
const SAMPLE = {
  flags: {
    'new-checkout': { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' },
    'banner-text': {
      state: 'ENABLED',
      variants: { everyone: 'Welcome', staff: 'Welcome, colleague' },
      defaultVariant: 'everyone',
      targeting: { if: [{ $ref: 'is-staff' }, 'staff', null] },
    },
    'search-algorithm': {
      state: 'ENABLED',
      variants: { classic: 'classic', vector: 'vector' },
      defaultVariant: 'classic',
      targeting: {
        fractional: [
          ['classic', 80],
          ['vector', 20],
        ],
      },
    },
  },
  $evaluators: { 'is-staff': { ends_with: [{ var: 'email' }, '@example.com'] } },
}

/**
 * Adds the sample flags to a new database, or continues after an interrupted start; other databases are not changed. The change records
 * show what was added before, so deleted samples are not added again.
 */
export async function seedSampleFlags(database: Database): Promise<void> {
  const seeded = await listChanges(database, { actor: AUTHOR.actor, limit: CHANGES_MAX })
  if (seeded.length === 0 && (await listProjects(database, { after: '', limit: 1 })).length > 0) return
  const isDone = (subject: ChangeRecord['subject'], environment: string | null = null) =>
    seeded.some((change) => change.subject === subject && change.environment === environment)

  const { source: document } = readDocument(SAMPLE)
  const application = { document, prune: false, dryRun: false, strict: true, expected: undefined, author: AUTHOR }
  if (!isDone('project'))
    await createProject(database, { key: PROJECT, name: 'Default', description: 'Made by trial mode' }, AUTHOR)
  for (const [environment, name] of ENVIRONMENTS) {
    const settings = { name, description: '', bucketing: 'v2' as const }
    const path = { project: PROJECT, environment }
    if (!isDone('environment', environment)) await createEnvironment(database, path, { settings, author: AUTHOR })
    if (!isDone('definition', environment)) await applyFlagSet(database, path, application)
  }
}
