import { setTimeout as sleep } from 'node:timers/promises'
import type { Fleet, Member } from './fleet.ts'
import { THIS_VERSION } from './versions.ts'

const ENVIRONMENT = '/api/v1/projects/p/environments/shared'
const EDITORS = 3

type Rule = { readonly '==': readonly [{ readonly var: 'n' }, number] }
const ruleOf = (count: number): Rule => ({ '==': [{ var: 'n' }, count] })
const countOf = (rule: unknown): number => (rule as Rule | undefined)?.['=='][1] ?? 0

/**
 * Several editors increment a number in one segment for some time, each with `If-Match`: at replicas of this version by the segment's own
 * route, at those of the version before by the whole flag set, the only one that it has. A lost change makes the sum too small.
 */
export async function changeSegments(fleet: Fleet, adminKey: string, ms: number): Promise<void> {
  const end = performance.now() + ms
  const edit = async () => {
    while (performance.now() < end) {
      const status = await fleet.use((_, member) => increment(member, adminKey))
      if (status === 200) fleet.segmentChanges += 1
      else if (status !== 412 && status !== 503)
        fleet.ledger.complain(`a change of a segment was answered with ${status}`)
    }
  }
  await Promise.all(Array.from({ length: EDITORS }, edit))
}

/** The number in the segment at one replica. */
export async function segmentCount(member: Member, adminKey: string): Promise<number> {
  return (await read(member, adminKey)).count
}

async function increment(member: Member, adminKey: string): Promise<{ status: number }> {
  const { path, count, etag, bodyOf } = await read(member, adminKey)
  await sleep(Math.random() * 10) // so that others change it meanwhile
  const headers = { ...authorized(adminKey), ...(etag === null ? { 'if-none-match': '*' } : { 'if-match': etag }) }
  const response = await fetch(`${member.address}${path}`, {
    method: 'PUT',
    headers,
    body: JSON.stringify(bodyOf(ruleOf(count + 1))),
  })
  await response.arrayBuffer()
  return response
}

const authorized = (key: string) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' })

async function read({ address, version }: Member, adminKey: string) {
  const isOwn = version === THIS_VERSION
  const path = `${ENVIRONMENT}${isOwn ? '/segments/counted' : '/flagset'}`
  const response = await fetch(`${address}${path}${isOwn ? '' : '?portable=false'}`, { headers: authorized(adminKey) })
  const body = (await response.json()) as { rule?: unknown; $evaluators?: { counted?: unknown } }
  const bodyOf = (rule: Rule) => (isOwn ? { rule } : { flags: {}, $evaluators: { counted: rule } })
  const count = countOf(isOwn ? body.rule : body.$evaluators?.counted)
  return { path, count, etag: response.headers.get('etag'), bodyOf }
}
