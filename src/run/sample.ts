import { readDocument } from '../flag/check.ts'
import type { Author } from '../store/changes.ts'
import type { Database } from '../store/database.ts'
import { createEnvironment } from '../store/environments.ts'
import { applyFlagSet } from '../store/flagset.ts'
import { createProject, listProjects } from '../store/projects.ts'

/** The environment that trial mode answers for when a request names none. */
export const TRIAL_FLAG_SET_ID = 'default/development'
const PROJECT = 'default'
const AUTHOR: Author = { actor: 'trial mode', comment: 'Sample flags', traceId: '' }

/** A few flags to look at: a switch, a rule, a rollout. */
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

/** Fills a new trial database; leaves any other as it is. */
export async function plantSample(database: Database): Promise<void> {
  if ((await listProjects(database, { after: '', limit: 1 })).length > 0) return
  const { source: document } = readDocument(SAMPLE)
  await createProject(database, { key: PROJECT, name: 'Default', description: 'Made by trial mode' }, AUTHOR)
  for (const [environment, name] of [
    ['development', 'Development'],
    ['production', 'Production'],
  ] as const) {
    const settings = { name, description: '', bucketing: 'v2' as const }
    await createEnvironment(database, { project: PROJECT, environment }, { settings, author: AUTHOR })
    await applyFlagSet(
      database,
      { project: PROJECT, environment },
      { document, prune: false, dryRun: false, strict: true, expected: undefined, author: AUTHOR },
    )
  }
}
