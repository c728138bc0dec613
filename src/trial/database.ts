import type { Config } from '../config/config.ts'
import type { Calls } from '../repository/calls.ts'
import { type Database, openDatabase } from '../repository/postgres/database.ts'

export type Provided = { readonly database: Database; close(): Promise<void> }

/** The configured database, connected on first use; or in trial mode one of our own, with its schema and some flags to look at. */
export async function provideDatabase(config: Config, calls: Calls): Promise<Provided> {
  if (config.mode === 'service') {
    const database = openDatabase(config.database, calls)
    return { database, close: () => database.close() }
  }
  const [{ startTrialDatabase }, { connect }, { migrate }, { plantSample }] = await Promise.all([
    import('./trial.ts'),
    import('../repository/postgres/connect.ts'),
    import('../repository/postgres/schema.ts'),
    import('./seed.ts'),
  ])
  const trial = await startTrialDatabase(config.folder)
  try {
    const client = await connect(trial.address)
    await migrate(client)
    await client.end()
    const database = openDatabase(trial.address, calls)
    await plantSample(database)
    const close = async () => {
      await database.close()
      await trial.stop()
    }
    return { database, close }
  } catch (error) {
    await trial.stop()
    throw error
  }
}
