import {
  bigint,
  boolean,
  customType,
  integer,
  json,
  pgSchema,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import type { ValueSchema } from '../../flag/check/value-schema.ts'
import type { Bucketing, Definition, Metadata } from '../../flag/definition.ts'
import type { FlagType } from '../../flag/evaluate.ts'
import type { Group } from '../../flag/shares/group.ts'
import type { Holdout } from '../../flag/shares/holdout.ts'
import type { FlagKind, StaleThresholds } from '../../flag/stale/thresholds.ts'

/** Permissions of a key; each role includes those before it. */
export type Role = 'client' | 'server' | 'viewer' | 'editor' | 'admin'

/** Some members of `T`; undefined leaves a member as it is. */
export type Patch<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** An environment at a revision; `flag` if it was copied from another flag. */
export type ChangeOrigin = { readonly environment: string; readonly revision: number; readonly flag?: string }

const schema = pgSchema('flagstaff')
const identity = () => bigint({ mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity()
const counter = () => bigint({ mode: 'bigint' }).notNull()
const instant = () => timestamp({ withTimezone: true, mode: 'date' })
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

export const deployment = schema.table('deployment', {
  id: smallint().primaryKey().default(1),
  incarnation: uuid().notNull().defaultRandom(),
  keysRevision: counter().default(0n),
  streamSecret: bytes().notNull(),
  sessionSecret: bytes().notNull(),
})

export const projects = schema.table('projects', {
  id: identity(),
  key: text().notNull(),
  name: text().notNull(),
  description: text().notNull().default(''),
  /** Thresholds that differ from the defaults. */
  stale: json().$type<Partial<StaleThresholds>>().notNull().default({}),
  version: counter().default(1n),
  createdAt: instant().notNull().defaultNow(),
})

export const environments = schema.table('environments', {
  id: identity(),
  projectId: bigint({ mode: 'bigint' }).notNull(),
  key: text().notNull(),
  name: text().notNull(),
  description: text().notNull().default(''),
  /** Incremented in the transaction of each change. */
  revision: counter(),
  changedAt: instant().notNull().defaultNow(),
  /** `traceparent` of the newest change; empty if its trace is not kept. */
  changedIn: text().notNull().default(''),
  bucketing: text().$type<Bucketing>().notNull().default('v2'),
  segments: json().$type<Readonly<Record<string, unknown>>>().notNull().default({}),
  /** The revision at which each segment last changed, by name. */
  segmentRevisions: json().$type<Readonly<Record<string, number>>>().notNull().default({}),
  /** The settings revision that `segmentRevisions` belong to. Another one: an older version of this program changed the settings since. */
  segmentRevisionsOf: counter().default(0n),
  metadata: json().$type<Metadata>().notNull().default({}),
  /** How users are divided between flags, by name; segments are made of them. */
  groups: json().$type<Readonly<Record<string, Group>>>().notNull().default({}),
  holdouts: json().$type<Readonly<Record<string, Holdout>>>().notNull().default({}),
  /** Other members of the applied flagd document; replicas do not need them. */
  members: json().$type<Readonly<Record<string, unknown>>>().notNull().default({}),
  /** Revision at which bucketing, segments or metadata last changed. */
  settingsRevision: counter().default(0n),
  /** Place in lists, from 0; several environments may have the same. */
  position: integer().notNull().default(0),
  /** Whether the console asks for confirmation before a change. */
  protected: boolean().notNull().default(false),
  createdAt: instant().notNull().defaultNow(),
})

export const flags = schema.table('flags', {
  id: identity(),
  projectId: bigint({ mode: 'bigint' }).notNull(),
  key: text().notNull(),
  type: text().$type<FlagType>().notNull(),
  description: text().notNull().default(''),
  owner: text().notNull().default(''),
  tags: text().array().notNull().default([]),
  permanent: boolean().notNull().default(false),
  kind: text().$type<FlagKind>().notNull().default('release'),
  /** When its lifetime ends; null: after that of its kind. */
  expiresAt: instant(),
  /** Until then it is not listed as stale. */
  staleDismissedUntil: instant(),
  staleDismissedReason: text().notNull().default(''),
  archivedAt: instant(),
  /** The JSON Schema of the values of its variants; null: any. */
  valueSchema: json().$type<ValueSchema>(),
  version: counter().default(1n),
  createdAt: instant().notNull().defaultNow(),
})

export const definitions = schema.table(
  'definitions',
  {
    environmentId: bigint({ mode: 'bigint' }).notNull(),
    flagId: bigint({ mode: 'bigint' }).notNull(),
    /** Null if removed: the row stays, so that replicas find the removal by its revision. */
    definition: json().$type<Definition>(),
    revision: counter(),
    /** The name of its manager; null if it has none. It stays if others remove the definition. */
    managedBy: text(),
    /** What the manager applied, where others have changed it since. */
    applied: json().$type<Definition>(),
  },
  (table) => [primaryKey({ columns: [table.environmentId, table.flagId] })],
)

/** Systems that manage flags, segments and metadata of an environment. */
export const managers = schema.table(
  'managers',
  {
    environmentId: bigint({ mode: 'bigint' }).notNull(),
    name: text().notNull(),
    /** Whether others may not change what it manages. */
    locked: boolean().notNull(),
    /** What it last applied, by name. */
    segments: json().$type<Readonly<Record<string, unknown>>>().notNull().default({}),
    metadata: json().$type<Metadata>().notNull().default({}),
  },
  (table) => [primaryKey({ columns: [table.environmentId, table.name] })],
)

/** `flagId` 0: evaluations that could not be counted under their flag. */
export const usage = schema.table(
  'usage',
  {
    environmentId: bigint({ mode: 'bigint' }).notNull(),
    flagId: bigint({ mode: 'bigint' }).notNull(),
    hour: instant().notNull(),
    /** Empty if the evaluation had no variant. */
    variant: text().notNull(),
    reason: text().notNull(),
    count: counter(),
  },
  (table) => [primaryKey({ columns: [table.environmentId, table.flagId, table.hour, table.variant, table.reason] })],
)

export const lastEvaluations = schema.table(
  'last_evaluations',
  {
    flagId: bigint({ mode: 'bigint' }).notNull(),
    environmentId: bigint({ mode: 'bigint' }).notNull(),
    at: instant().notNull(),
  },
  (table) => [primaryKey({ columns: [table.flagId, table.environmentId] })],
)

/** When a variant was last served; an empty one is the application's default. */
export const lastVariants = schema.table(
  'last_variants',
  {
    environmentId: bigint({ mode: 'bigint' }).notNull(),
    flagId: bigint({ mode: 'bigint' }).notNull(),
    variant: text().notNull(),
    at: instant().notNull(),
  },
  (table) => [primaryKey({ columns: [table.environmentId, table.flagId, table.variant] })],
)

/** Accurate to some minutes. A key that was never used has no row. */
export const lastKeyUses = schema.table('last_key_uses', {
  keyId: uuid().primaryKey(),
  at: instant().notNull(),
})

/** When the flag set was last served to an in-process provider; accurate to some minutes. */
export const lastSyncs = schema.table('last_syncs', {
  environmentId: bigint({ mode: 'bigint' }).primaryKey(),
  at: instant().notNull(),
})

export const keys = schema.table('keys', {
  id: uuid().primaryKey().defaultRandom(),
  /** SHA-256 of the secret. */
  hash: bytes().notNull(),
  name: text().notNull(),
  role: text().$type<Role>().notNull(),
  environmentId: bigint({ mode: 'bigint' }),
  createdBy: text().notNull(),
  createdAt: instant().notNull().defaultNow(),
  expiresAt: instant(),
  revokedAt: instant(),
})

export const changes = schema.table('changes', {
  id: identity(),
  at: instant().notNull().defaultNow(),
  actor: text().notNull(),
  subject: text().$type<'project' | 'environment' | 'flag' | 'definition' | 'segment' | 'key'>().notNull(),
  action: text()
    .$type<'create' | 'update' | 'delete' | 'rename' | 'archive' | 'restore' | 'rollback' | 'promote' | 'revoke'>()
    .notNull(),
  project: text(),
  environment: text(),
  flag: text(),
  /** The name of the segment; for a renamed one its new name. */
  segment: text(),
  revision: bigint({ mode: 'bigint' }),
  before: json().$type<unknown>(),
  after: json().$type<unknown>(),
  comment: text().notNull().default(''),
  traceId: text().notNull().default(''),
  /** Where a promoted or copied definition or segment came from. */
  origin: json().$type<ChangeOrigin>(),
})
