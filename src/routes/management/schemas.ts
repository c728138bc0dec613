import * as v from 'valibot'
import {
  EnvironmentKey,
  Flag256,
  instant,
  Limit,
  lastEvaluatedAt,
  Mistake,
  metadata,
  Page,
  ProjectKey,
  revision,
  text,
  time,
  version,
} from './schema-parts.ts'

// What the management API takes and gives. The OpenAPI document is made from these, so their descriptions are documentation.

export const Project = v.object({
  key: ProjectKey,
  name: v.string(),
  description: v.string(),
  version,
  createdAt: instant('Creation'),
})
export const NewProject = v.strictObject({
  key: ProjectKey,
  name: v.optional(text(200)),
  description: v.optional(text(2000), ''),
})
export const ProjectPatch = v.strictObject({ name: v.optional(text(200)), description: v.optional(text(2000)) })

const Bucketing = v.pipe(
  v.picklist(['v1', 'v2', 'v3']),
  v.description('How `fractional` assigns shares. Another algorithm moves users to other variants'),
)
export const Environment = v.object({
  project: ProjectKey,
  key: EnvironmentKey,
  flagSetId: v.pipe(v.string(), v.description('`<project>/<environment>`: what OpenFeature clients select it by')),
  name: v.string(),
  description: v.string(),
  bucketing: Bucketing,
  revision,
  changedAt: instant('Last change'),
  createdAt: instant('Creation'),
})
export const NewEnvironment = v.strictObject({
  key: EnvironmentKey,
  name: v.optional(text(200)),
  description: v.optional(text(2000), ''),
  bucketing: v.optional(Bucketing, 'v2'),
})
export const EnvironmentPatch = v.strictObject({
  name: v.optional(text(200)),
  description: v.optional(text(2000)),
  bucketing: v.optional(Bucketing),
})

const Tags = v.pipe(v.array(v.pipe(text(100), v.minLength(1))), v.maxLength(50))
const FlagType = v.picklist(['boolean', 'string', 'number', 'object'])
export const Flag = v.object({
  key: Flag256,
  type: FlagType,
  description: v.string(),
  owner: v.string(),
  tags: v.array(v.string()),
  permanent: v.pipe(v.boolean(), v.description('False: a flag that is meant to be removed one day')),
  archived: v.boolean(),
  lastEvaluatedAt,
  version,
  createdAt: instant('Creation'),
})
export const NewFlag = v.strictObject({
  key: Flag256,
  type: FlagType,
  description: v.optional(text(2000), ''),
  owner: v.optional(text(200), ''),
  tags: v.optional(Tags, []),
  permanent: v.optional(v.boolean(), false),
})
export const FlagPatch = v.strictObject({
  description: v.optional(text(2000)),
  owner: v.optional(text(200)),
  tags: v.optional(Tags),
  permanent: v.optional(v.boolean()),
  archived: v.optional(v.boolean()),
})
export const FlagQuery = v.object({
  ...Page.entries,
  archived: v.optional(
    v.pipe(
      v.picklist(['true', 'false']),
      v.transform((value) => value === 'true'),
    ),
  ),
  tag: v.optional(text(100)),
})

/** Documentation and first check; flag/check/definition.ts does the whole check, with pointers into the rules. */
export const Definition = v.looseObject({
  state: v.picklist(['ENABLED', 'DISABLED']),
  variants: v.pipe(v.record(v.string(), v.unknown()), v.description('Name → value; all values of one type')),
  defaultVariant: v.optional(
    v.pipe(v.nullable(v.string()), v.description('Null or absent: the default in the application’s code')),
  ),
  targeting: v.optional(
    v.pipe(v.unknown(), v.description('JSONLogic with flagd’s operators; answers the name of a variant')),
  ),
  metadata: v.optional(metadata),
})
const warnings = v.optional(
  v.pipe(
    v.array(Mistake),
    v.description('What is no mistake, but answers otherwise in other engines of flagd; absent where nothing is'),
  ),
)
export const ChangedDefinition = v.looseObject({ ...Definition.entries, warnings })
export const StoredDefinition = v.object({ key: Flag256, revision, definition: Definition })
export const ListedDefinition = v.object({ ...StoredDefinition.entries, lastEvaluatedAt })
export const RolledBack = v.object({ ...StoredDefinition.entries, warnings })
export const Rollback = v.strictObject({ revision: v.pipe(revision, v.minValue(0), v.safeInteger()) })

const ChangeSubject = v.picklist(['project', 'environment', 'flag', 'definition', 'key'])
export const Change = v.object({
  id: v.string(),
  at: instant('When'),
  actor: v.string(),
  subject: ChangeSubject,
  action: v.picklist(['create', 'update', 'delete', 'archive', 'restore', 'rollback', 'revoke']),
  project: v.nullable(v.string()),
  environment: v.nullable(v.string()),
  flag: v.nullable(v.string()),
  revision: v.nullable(revision),
  before: v.unknown(),
  after: v.unknown(),
  comment: v.string(),
  traceId: v.string(),
})
const Cursor = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^\d{1,18}$/),
    v.transform((digits) => BigInt(digits)),
    v.description('`next` of the page before'),
  ),
)
export const HistoryQuery = v.object({ limit: Limit, before: Cursor })
export const ChangesQuery = v.object({
  ...HistoryQuery.entries,
  project: v.optional(text(64)),
  environment: v.optional(text(64)),
  flag: v.optional(text(256)),
  subject: v.optional(ChangeSubject),
  actor: v.optional(text(256)),
  from: v.optional(time),
  to: v.optional(time),
})

const Role = v.pipe(
  v.picklist(['client', 'server', 'editor', 'admin']),
  v.description(
    'client: evaluate; server: and read definitions; editor: and change its environment; admin: everything',
  ),
)
const Scope = v.strictObject({ project: ProjectKey, environment: EnvironmentKey })
export const Key = v.object({
  id: v.pipe(v.string(), v.uuid()),
  name: v.string(),
  role: Role,
  environment: v.nullable(Scope),
  createdBy: v.string(),
  createdAt: instant('Creation'),
  expiresAt: v.nullable(instant('End')),
  revokedAt: v.nullable(instant('Revocation')),
  lastUsedAt: v.nullable(instant('Last request with this key, to 5 minutes and some minutes late; null: none yet')),
})
export const NewKeyAnswer = v.object({
  ...Key.entries,
  secret: v.pipe(v.string(), v.description('Shown this once; only its hash is kept')),
})
export const NewKey = v.strictObject({
  name: v.pipe(text(200), v.minLength(1)),
  role: Role,
  environment: v.optional(v.nullable(Scope), null),
  expiresAt: v.optional(v.nullable(v.pipe(time, v.description('End of the key'))), null),
})
export const KeyQuery = v.object({
  limit: Limit,
  offset: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,6}$/), v.transform(Number), v.description('`next` of the page before')),
    '0',
  ),
})
export const KeyPath = v.object({ id: v.pipe(v.string(), v.uuid()) })
