import { eq } from 'drizzle-orm'
import { type Attribute, AttributeCollector } from '../../../flag/rules/attributes.ts'
import type { Database } from '../database.ts'
import { selectAll } from '../flag-set.ts'
import { selectProject } from '../projects.ts'
import { environments } from '../tables.ts'

/**
 * The attributes that rules and segments of a project read, with the built-in ones; with `environment` those of one environment. Reads
 * one environment at a time, because a project may have many flags. Fails with `not_found` for an unknown project.
 */
export function listAttributes(database: Database, project: string, environment?: string): Promise<Attribute[]> {
  return database.read(async (db) => {
    const { id } = await selectProject(db, project)
    const rows = await db
      .select({ id: environments.id, key: environments.key, segments: environments.segments })
      .from(environments)
      .where(eq(environments.projectId, id))
    const collector = new AttributeCollector()
    for (const row of rows) {
      if (environment !== undefined && row.key !== environment) continue
      for (const rule of Object.values(row.segments)) collector.add(rule)
      for (const { targeting } of (await selectAll(db, row.id)).values()) collector.add(targeting)
    }
    return collector.attributes
  })
}
