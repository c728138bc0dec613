import * as v from 'valibot'
import { Limit, Mistake, metadata, revision, text } from './schema-parts.ts'
import { Definition } from './schemas.ts'

// What the routes of whole flag sets take and give.

/** Further members are kept, and exported as they were. */
export const FlagSetDocument = v.looseObject({
  $schema: v.optional(v.unknown()),
  flags: v.record(v.string(), Definition),
  $evaluators: v.optional(v.pipe(v.record(v.string(), v.unknown()), v.description('Segments: rules shared by name'))),
  metadata: v.optional(metadata),
})
const flag = (fallback: 'true' | 'false', what: string) =>
  v.optional(
    v.pipe(
      v.picklist(['true', 'false']),
      v.transform((value) => value === 'true'),
      v.description(what),
    ),
    fallback,
  )
export const ExportQuery = v.object({
  portable: flag(
    'true',
    'False exports the document as it is stored. Otherwise segments that refer to others, or that flagd cannot match, are written out for flagd',
  ),
})
/** Mistakes shown of one flag or segment: a rule can have thousands. */
export const PROBLEM_MISTAKES_MAX = 20
export const ProblemQuery = v.object({
  limit: Limit,
  after: v.optional(v.pipe(text(300), v.description('`next` of the page before')), ''),
})
export const FlagProblem = v.object({
  subject: v.picklist(['flag', 'segment']),
  key: v.string(),
  errors: v.pipe(
    v.array(Mistake),
    v.description(
      `Where in the document that \`flagset?portable=false\` exports, and what; ${PROBLEM_MISTAKES_MAX} at most`,
    ),
  ),
  errorsLeftOut: v.optional(v.number()),
})
export const ApplyQuery = v.object({
  dryRun: flag('false', 'Answer the difference and change nothing'),
  prune: flag('false', 'Remove what the document does not name'),
  strict: flag('true', 'False stores rules with mistakes, as flagd would load them; each such flag is isolated'),
})
export const Applied = v.object({
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
