// Starts a trial database in the folder of its argument, adds one row, prints the number of rows, and keeps running until a signal.

import { connect } from '../../src/repository/postgres/connection/failover-pool.ts'
import { orExit } from '../../src/server/start.ts'
import { startTrialDatabase } from '../../src/trial/database.ts'

const [folder = ''] = process.argv.slice(2)
const trial = await orExit(() => startTrialDatabase(folder))
const client = await connect(trial.address)
await client.query('create table if not exists starts (at timestamptz not null default now())')
await client.query('insert into starts default values')
const { rows } = await client.query('select count(*)::int as count from starts')
process.once('SIGTERM', async () => {
  await client.end()
  await trial.stop()
  process.exit(0)
})
setInterval(() => undefined, 60_000)
process.stdout.write(`Row ${rows[0]?.count} stands\n`)
