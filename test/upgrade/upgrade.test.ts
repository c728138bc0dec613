// Replicas of this version and of the one before share one database and one Redis under load, through an upgrade and back.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { agree } from '../chaos/agreement.ts'
import { furnish, sendUntilAccepted } from '../chaos/world.ts'
import { testDatabase } from '../support/postgres.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts'
import { evaluate } from '../support/replicas.ts'
import { Fleet, type Keys, type Member } from './fleet.ts'
import { changeSegments, segmentCount } from './segments.ts'
import { type EarlierVersion, earlierVersion, migrationsOf, THIS_VERSION } from './versions.ts'

/** How long each mixture of versions is under load. */
const PHASE_MS = 1_000 * Number(process.env['UPGRADE_SECONDS'] ?? 1)
const SOON_MS = 20_000
const ENVIRONMENT = { project: 'p', environment: 'e' }

const earlier = earlierVersion()
if ('missing' in earlier) console.log(`LEFT OUT: upgrade and downgrade beside the version before: ${earlier.missing}`)
const reason = 'missing' in earlier ? earlier.missing : HAS_REDIS ? false : 'there is no redis-server on this machine'

describe('upgrade and downgrade under load', { skip: reason }, () => {
  const old = earlier as EarlierVersion
  let database: Awaited<ReturnType<typeof testDatabase>>
  let redis: RedisServer
  let fleet: Fleet
  let keys: Keys
  const adminKey = randomBytes(24).toString('base64url')

  before(async () => {
    database = await testDatabase()
    redis = await startRedis()
    fleet = new Fleet({
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      FLAGSTAFF_ADMIN_KEY: adminKey,
      FRESHNESS_MS: '200',
      TRUTH_CHECK_MS: '1000',
    })
  })
  after(async () => {
    await fleet.close()
    await redis.kill()
    await database.drop()
    old.remove()
  })
  const isKept = () => assert.deepEqual(fleet.ledger.complaints, [])
  const send = (member: Member, method: string, path: string, body?: object) =>
    sendUntilAccepted(member.address, adminKey, { method, path, ...(body && { body }) })
  const everywhere = async (secret: string, wanted: readonly unknown[]) => {
    for (const { address } of fleet.serving) {
      const late = performance.now() + SOON_MS
      let seen = await evaluate(address, secret, 'flag-0')
      while (!wanted.includes(seen) && performance.now() < late) {
        await sleep(50)
        seen = await evaluate(address, secret, 'flag-0')
      }
      assert.ok(wanted.includes(seen), `a key is answered with ${seen}`)
    }
  }
  /** Keys that one replica creates work at all, also at those of the other version, until another one revokes them. */
  const exchangeKeys = async (creator: Member, revoker: Member, roles: readonly string[]) => {
    for (const role of roles) {
      const body = { name: role, role, environment: ENVIRONMENT }
      const { status, body: key } = await send(creator, 'POST', '/api/v1/keys', body)
      assert.equal(status, 201)
      // An older version may not know a role; it refuses that key and continues to accept the others.
      await everywhere(key.secret, role === 'viewer' ? [true, 401, 403] : [true])
      await everywhere(keys.clientKey, [true])
      assert.equal((await send(revoker, 'DELETE', `/api/v1/keys/${key.id}`)).status, 204)
      await everywhere(key.secret, [401])
    }
  }

  test('the migrations of both versions differ', () => {
    assert.ok(migrationsOf(THIS_VERSION).length > migrationsOf(old).length)
  })

  test('the version before serves', async () => {
    await fleet.command(old, 'migrate')
    const first = await fleet.add(old)
    keys = { adminKey, clientKey: await furnish(first.address, adminKey) }
    const definition = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on', metadata: { count: 0 } }
    for (const { flag } of fleet.ledger.writers)
      await send(first, 'PUT', `/api/v1/projects/p/environments/e/flags/${flag}`, definition)
    await send(first, 'POST', '/api/v1/projects/p/environments', { key: 'shared' })
    await fleet.load(keys)
    await fleet.add(old)
    isKept()
  })

  test('this version migrates the database while the version before serves', async () => {
    await sleep(PHASE_MS)
    await fleet.command(THIS_VERSION, 'migrate')
    await sleep(PHASE_MS)
    isKept()
  })

  test('replicas of both versions serve and change the same flags, segments and keys', async () => {
    const added = await fleet.add(THIS_VERSION)
    const [first] = fleet.serving
    assert.ok(first)
    await changeSegments(fleet, adminKey, PHASE_MS)
    await exchangeKeys(added, first, ['client', 'viewer'])
    await exchangeKeys(first, added, ['server', 'editor'])
    isKept()
  })

  for (const which of ['first', 'last'])
    test(`the ${which} replica of the version before is replaced`, async () => {
      const member = fleet.serving.find(({ version }) => version === old)
      assert.ok(member)
      if (which === 'first') await fleet.add(THIS_VERSION)
      await fleet.remove(member)
      await sleep(PHASE_MS)
      isKept()
    })

  test('the version before starts again on the newer schema, beside this version', async () => {
    assert.ok(fleet.serving.every(({ version }) => version === THIS_VERSION))
    const [first] = fleet.serving
    assert.ok(first)
    const returned = await fleet.add(old)
    await changeSegments(fleet, adminKey, PHASE_MS)
    await exchangeKeys(first, returned, ['client', 'viewer'])
    isKept()
  })

  test('the version before serves alone on the newer schema', async () => {
    for (const member of fleet.serving.filter(({ version }) => version === THIS_VERSION)) await fleet.remove(member)
    const [returned] = fleet.serving
    assert.ok(returned)
    await sleep(PHASE_MS)
    await exchangeKeys(returned, returned, ['editor'])
    isKept()
  })

  test('this version comes back, all replicas agree, and no change is lost', async () => {
    await fleet.add(THIS_VERSION)
    await changeSegments(fleet, adminKey, PHASE_MS)
    await fleet.rest()
    const addresses = fleet.serving.map(({ address }) => address)
    await agree({ addresses, ...keys }, fleet.ledger)
    isKept()
    const increments = fleet.segmentChanges
    for (const member of fleet.serving) {
      const count = await segmentCount(member, adminKey)
      const isKept = count >= increments && count <= increments + fleet.unknownSegmentChanges
      assert.ok(isKept, `${increments} acknowledged changes of a segment, ${count} found`)
    }
    assert.ok(increments > 0 && fleet.ledger.acknowledged > 0 && fleet.ledger.answers > 0)
  })

  test('no replica of either version logged a warning or an error', async () => {
    for (const member of fleet.serving) await fleet.remove(member)
    assert.deepEqual(
      fleet.members.flatMap((member) => fleet.complaintsOf(member)),
      [],
    )
    isKept()
  })
})
