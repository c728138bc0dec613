// Prints for each URL of a JSON list whether the service connects, with its user, database and encryption; or the reason why not.

import { parseDatabaseUrl } from '../../src/config/database.ts'
import { connect } from '../../src/repository/postgres/connection/failover-pool.ts'

const [list = '[]', query = ''] = process.argv.slice(2)
const rows: { url: string; env?: Record<string, string> }[] = JSON.parse(list)
const verdicts: string[] = []
for (const { url, env } of rows) verdicts.push(await verdict(url, env))
process.stdout.write(`${JSON.stringify(verdicts)}\n`)
process.exit(0)

async function verdict(url: string, env: Record<string, string> | undefined): Promise<string> {
  try {
    const client = await connect(parseDatabaseUrl(url, env))
    const { rows } = await client.query({ text: query, rowMode: 'array' })
    await client.end()
    return rows[0]?.join(' ') ?? ''
  } catch (error) {
    return `refused: ${error instanceof Error ? error.message : String(error)}`
  }
}
