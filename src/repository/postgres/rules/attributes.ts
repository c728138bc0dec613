import { and, eq } from 'drizzle-orm'
import { type Attribute, AttributeCollector } from '../../../flag/rules/attributes.ts'
import type { Database } from '../database.ts'
import { selectAll } from '../needs/all-definitions.ts'
import { selectProject } from '../projects.ts'
import { environments } from '../tables.ts'

/**
 * The attributes that rules and segments of a project read, with the built-in ones; with `environment` those of one environment. Reads
 * one environment at a time, because a project may have many flags. Fails with `not_found` for an unknown project.
 */
export function listAttributes(database: Database, project: string, environment?: string): Promise<Attribute[]> {
  return database.read(async (db) => {
    const { id } = await selectProject(db, project)
    const isWanted = environment === undefined ? undefined : eq(environments.key, environment)
    const rows = await db
      .select({ id: environments.id, segments: environments.segments })
      .from(environments)
      .where(and(eq(environments.projectId, id), isWanted))
    const collector = new AttributeCollector()
    for (const row of rows) {
      for (const rule of Object.values(row.segments)) collector.add(rule)
      for (const { targeting } of (await selectAll(db, row.id)).values()) collector.add(targeting)
    }
    return collector.attributes
  })
}
