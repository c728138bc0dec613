import { sql } from 'drizzle-orm'
import { FlagError } from '../../../flag/error.ts'
import { batches, type Database, type Transaction } from '../database.ts'
import { selectProject } from '../projects.ts'

/** What a scan of one branch of a repository found. */
export type CodeScan = {
  readonly repository: string
  readonly branch: string
  readonly commit: string
  readonly committedAt: Date
  readonly references: readonly CodeReference[]
}
/** A place in code that names a flag; `line` counts from 1. `text`: the line, empty if it was not sent. */
export type CodeReference = {
  readonly flag: string
  readonly path: string
  readonly line: number
  readonly text: string
}
export type StoredScan = {
  /** References that are stored. */
  readonly references: number
  /** Keys that no flag of the project has; their references are dropped. */
  readonly unknown: readonly string[]
}

/** Branches of repositories in one project. */
const SCANS_MAX = 200

/**
 * Replaces what is known of a branch. Fails with `conflict` if a newer commit of it was scanned, and if the project has too many branches;
 * with `not_found` for an unknown project.
 */
export function replaceCodeReferences(database: Database, project: string, scan: CodeScan): Promise<StoredScan> {
  return database.write(async (tx) => {
    const { id } = await selectProject(tx, project, 'lock')
    const projectId = sql`${String(id)}::bigint`
    await refuseOlder(tx, projectId, scan)
    const { rows } = await tx.execute<{ id: string }>(sql`
      insert into flagstaff.code_scans (project_id, repository, branch, commit, committed_at, reported_at)
      values (${projectId}, ${scan.repository}, ${scan.branch}, ${scan.commit}, ${scan.committedAt.toISOString()}, now())
      on conflict (project_id, repository, branch) do update set
        commit = excluded.commit, committed_at = excluded.committed_at, reported_at = excluded.reported_at
      returning id`)
    const scanId = sql`${rows[0]?.id ?? '0'}::bigint`
    await tx.execute(sql`delete from flagstaff.code_references where scan_id = ${scanId}`)
    for (const batch of batches(scan.references))
      await tx.execute(sql`
        insert into flagstaff.code_references (scan_id, flag, path, line, text)
        select ${scanId}, row.flag, row.path, row.line, row.text
        from json_to_recordset(${JSON.stringify(batch)}::json) as row (flag text, path text, line int, text text)
        join flagstaff.flags f on f.project_id = ${projectId} and f.key = row.flag
        on conflict do nothing`)
    const { rows: stored } = await tx.execute<{ count: number }>(sql`
      select count(*)::int as count from flagstaff.code_references where scan_id = ${scanId}`)
    return { references: stored[0]?.count ?? 0, unknown: await unknownKeys(tx, projectId, scan) }
  })
}

async function refuseOlder(tx: Transaction, projectId: ReturnType<typeof sql>, scan: CodeScan): Promise<void> {
  const { rows: earlier } = await tx.execute<{ commit: string }>(sql`
    select commit from flagstaff.code_scans where project_id = ${projectId} and repository = ${scan.repository}
      and branch = ${scan.branch} and committed_at > ${scan.committedAt.toISOString()}::timestamptz`)
  if (earlier[0]) throw new FlagError('conflict', `A newer commit of the branch was scanned: ${earlier[0].commit}`)
  const { rows: others } = await tx.execute<{ count: number }>(sql`
    select count(*)::int as count from flagstaff.code_scans
    where project_id = ${projectId} and (repository, branch) <> (${scan.repository}, ${scan.branch})`)
  if ((others[0]?.count ?? 0) >= SCANS_MAX)
    throw new FlagError(
      'conflict',
      `Cannot store the scan: a project has at most ${SCANS_MAX} branches of repositories`,
    )
}

async function unknownKeys(
  tx: Transaction,
  projectId: ReturnType<typeof sql>,
  { references }: CodeScan,
): Promise<string[]> {
  const keys = JSON.stringify([...new Set(references.map(({ flag }) => flag))])
  const { rows } = await tx.execute<{ key: string }>(sql`
    select given.key from json_array_elements_text(${keys}::json) as given (key)
    where not exists (select from flagstaff.flags f where f.project_id = ${projectId} and f.key = given.key)
    order by given.key collate "C" limit 1000`)
  return rows.map(({ key }) => key)
}

/** A branch that was scanned, with how many references to the flag were found. */
export type ScannedBranch = Omit<CodeScan, 'references' | 'committedAt'> & {
  readonly committedAt: string
  readonly reportedAt: string
  readonly references: number
}
export type FlagReferences = {
  readonly scans: readonly ScannedBranch[]
  readonly items: readonly (CodeReference & { readonly repository: string; readonly branch: string })[]
}

/** References of one flag in one response. */
export const REFERENCES_SHOWN_MAX = 1_000

/** Where code names a flag, and which branches were scanned. Fails with `not_found`. */
export function readCodeReferences(database: Database, project: string, flag: string): Promise<FlagReferences> {
  return database.read(async (db) => {
    const { id } = await selectProject(db, project)
    const projectId = sql`${String(id)}::bigint`
    const { rows: known } = await db.execute(
      sql`select from flagstaff.flags where project_id = ${projectId} and key = ${flag}`,
    )
    if (known.length === 0) throw new FlagError('not_found', `Flag "${flag}" does not exist`)
    const { rows: scans } = await db.execute<ScannedBranch>(sql`
      select repository, branch, commit, committed_at as "committedAt", reported_at as "reportedAt",
        (select count(*)::int from flagstaff.code_references r where r.scan_id = s.id and r.flag = ${flag}) as references
      from flagstaff.code_scans s where project_id = ${projectId} order by repository, branch`)
    const { rows: items } = await db.execute<FlagReferences['items'][number]>(sql`
      select s.repository, s.branch, r.flag, r.path, r.line, r.text
      from flagstaff.code_scans s join flagstaff.code_references r on r.scan_id = s.id and r.flag = ${flag}
      where s.project_id = ${projectId} order by s.repository, s.branch, r.path, r.line limit ${REFERENCES_SHOWN_MAX}`)
    return { scans, items }
  })
}
