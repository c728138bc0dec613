import { call } from '../../api/client.ts'
import type { Matrix, MatrixFlag } from '../../api/matrix.ts'
import { refused } from '../flags/flag-writes.ts'

/** The tag of every sample flag. */
export const SAMPLE_TAG = 'sample'

const SEGMENT = { staff: { ends_with: [{ var: 'email' }, '@example.com'] } }
type Sample = {
  readonly type: MatrixFlag['type']
  /** What the flag teaches. */
  readonly description: string
  readonly variants: Record<string, unknown>
  readonly defaultVariant: string
  readonly targeting?: Record<string, unknown>
}

/** Six flags that teach by their rules. */
export const SAMPLES: Readonly<Record<string, Sample>> = {
  'new-checkout': {
    type: 'boolean',
    description: 'A switch: on or off for all users',
    variants: { on: true, off: false },
    defaultVariant: 'off',
  },
  'banner-text': {
    type: 'string',
    description: 'A text that staff see differently: a segment by e-mail address',
    variants: { everyone: 'Welcome', staff: 'Welcome, colleague' },
    defaultVariant: 'everyone',
    targeting: { if: [{ $ref: 'staff' }, 'staff'] },
  },
  'page-size': {
    type: 'number',
    description: 'A rollout: 10 % of users get longer pages, always the same ones',
    variants: { normal: 20, long: 50 },
    defaultVariant: 'normal',
    targeting: {
      fractional: [
        ['long', 10],
        ['normal', 90],
      ],
    },
  },
  theme: {
    type: 'object',
    description: 'A JSON value by country: several settings at once',
    variants: { standard: { accent: '#3552d6', logo: 'round' }, nordic: { accent: '#0f766e', logo: 'square' } },
    defaultVariant: 'standard',
    targeting: { if: [{ in: [{ var: 'country' }, ['DK', 'FI', 'IS', 'NO', 'SE']] }, 'nordic'] },
  },
  'min-app-version': {
    type: 'boolean',
    description: 'By the version of the application: on from 2.4.0',
    variants: { on: true, off: false },
    defaultVariant: 'off',
    targeting: { if: [{ sem_ver: [{ var: 'version' }, '>=', '2.4.0'] }, 'on'] },
  },
  'black-friday': {
    type: 'boolean',
    description: 'By the clock: on for four days, without anyone at work',
    variants: { on: true, off: false },
    defaultVariant: 'off',
    targeting: {
      if: [
        {
          and: [
            { '>=': [{ var: '$flagd.timestamp' }, Date.UTC(2026, 10, 27) / 1_000] },
            { '<': [{ var: '$flagd.timestamp' }, Date.UTC(2026, 11, 1) / 1_000] },
          ],
        },
        'on',
      ],
    },
  },
}

/** Samples whose key no flag of the project has: an existing flag is never changed. */
export const missingSamples = ({ flags }: Matrix): string[] =>
  Object.keys(SAMPLES).filter((key) => !flags.some((flag) => flag.key === key))

/** Creates samples with the segment that they use, in all environments. Throws ApiError. */
export async function loadSamples({ project, environments }: Matrix, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const { type = 'boolean', description = '' } = SAMPLES[key] ?? {}
    const body = { key, type, description, tags: [SAMPLE_TAG] }
    await call('POST /api/v1/projects/{project}/flags', { path: { project }, body })
  }
  for (const { key: environment } of environments) {
    const path = { project, environment }
    const { data } = await call('GET /api/v1/projects/{project}/environments/{environment}/flagset', { path })
    const flags = Object.fromEntries(keys.flatMap((key) => definitionOf(key)))
    const body = { flags, $evaluators: { ...SEGMENT, ...data.$evaluators } }
    await call('PUT /api/v1/projects/{project}/environments/{environment}/flagset', { path, body })
  }
}

function definitionOf(key: string) {
  const sample = SAMPLES[key]
  if (!sample) return []
  const { type: _, description: __, ...definition } = sample
  return [[key, { state: 'ENABLED' as const, ...definition }] as const]
}

/** Archives all samples. Resolves with the keys of those that were refused. */
export const archiveSamples = ({ project, flags }: Matrix): Promise<string[]> =>
  refused(
    flags.flatMap(({ key, tags, archivedAt }) => (tags.includes(SAMPLE_TAG) && archivedAt === null ? [key] : [])),
    (key) => call('PATCH /api/v1/projects/{project}/flags/{key}', { path: { project, key }, body: { archived: true } }),
  )
