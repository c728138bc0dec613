import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTrialDatabase } from '../../src/trial/database.ts'
import { startAtFreePort } from './daemon.ts'

/** The Postgres of TEST_DATABASE_URL, or a new one in a temporary folder, whose URL the variable then contains. */
export async function startTestServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const given = process.env['TEST_DATABASE_URL']
  if (given) return { url: given, stop: async () => undefined }
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-test-'))
  const { port, trial } = await startAtFreePort(async (port) => ({
    port,
    trial: await startTrialDatabase(folder, port),
  }))
  const url = `postgres://flagstaff@127.0.0.1:${port}/postgres`
  process.env['TEST_DATABASE_URL'] = url
  const stop = async () => {
    await trial.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { url, stop }
}
