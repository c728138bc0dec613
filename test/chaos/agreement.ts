import { setTimeout as sleep } from 'node:timers/promises'
import { request } from '../support/replicas.ts'
import type { Ledger } from './ledger.ts'
import { FLAGS } from './world.ts'

/** Replicas of one deployment, with the keys to change and to read its environment. */
export type Deployment = {
  readonly addresses: readonly string[]
  readonly adminKey: string
  readonly clientKey: string
}

const AGREE_MS = 30_000

/** The count of each flag at one replica. Rejects unless the response has status 200. */
export async function countsAt(address: string, clientKey: string): Promise<Map<string, number>> {
  const path = '/ofrep/v1/evaluate/flags'
  const { status, body } = await request(address, clientKey, { method: 'POST', path, body: {} })
  if (status !== 200) throw new Error(`status ${status}`)
  return new Map(
    body.flags.map(({ key, metadata }: { key: string; metadata: { count: number } }) => [key, metadata.count]),
  )
}

/** In the end all replicas agree: each flag has its last acknowledged value, or that of a later attempt. */
export async function agree(deployment: Deployment, ledger: Ledger): Promise<void> {
  const { addresses, clientKey } = deployment
  const deadline = performance.now() + AGREE_MS
  for (;;) {
    const states = await Promise.all(addresses.map((address) => countsAt(address, clientKey)))
    const texts = new Set(states.map((state) => JSON.stringify([...state].sort())))
    const isKept = ledger.writers.every(({ flag, acknowledged }) => (states[0]?.get(flag) ?? 0) >= acknowledged)
    if (texts.size === 1 && isKept) break
    if (performance.now() > deadline) {
      for (const text of texts) ledger.complain(`a replica ended with ${text}`)
      for (const { flag, acknowledged } of ledger.writers)
        ledger.complain(`${flag} was acknowledged at ${acknowledged}`)
      return
    }
    await sleep(100)
  }
  await checkRecords(deployment, ledger)
}

/** Every stored change has its record: the newest one of a flag contains the flag's value. */
async function checkRecords({ addresses, adminKey, clientKey }: Deployment, ledger: Ledger): Promise<void> {
  const [address = ''] = addresses
  for (const { flag, acknowledged } of ledger.writers) {
    const { body } = await request(address, adminKey, {
      method: 'GET',
      path: `${FLAGS}/${flag}/history?limit=1000`,
    })
    const counts: number[] = body.items
      .filter((item: { subject: string }) => item.subject === 'definition')
      .map((item: any) => item.after.metadata.count)
    const now = (await countsAt(address, clientKey)).get(flag)
    if (counts[0] !== now) ledger.complain(`${flag} has ${now}, its newest record ${counts[0]}`)
    if (acknowledged > 0 && !counts.includes(acknowledged))
      ledger.complain(`the record of ${flag} lacks ${acknowledged}`)
  }
}
