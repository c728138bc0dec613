import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kill, type Program, runProgram, startService } from '../support/process.ts'

const scratch = mkdtempSync(join(tmpdir(), 'flagstaff-start-'))
const programs: Program[] = []
after(async () => {
  await Promise.all(programs.map(kill))
  rmSync(scratch, { recursive: true, force: true })
})

let made = 0
const newFolder = () => join(scratch, String(made++))
const lockOf = (folder: string) => join(folder, 'data/postmaster.pid')
const DATABASE_URL = 'postgres://nobody:hush@127.0.0.1:1/none'

/** Starts the service where it cannot run: it prints the reason on one line, exits with 1 and leaves no process. */
async function refuses(env: Record<string, string>, sentence: RegExp): Promise<void> {
  const program = runProgram('src/main.ts', { PORT: '0', ...env })
  programs.push(program)
  assert.deepEqual(await program.ended, { code: 1, signal: null }, program.output())
  assert.match(program.output(), /^[^\n]+\n$/, 'one line')
  assert.match(program.output(), sentence)
  assert.ok(!program.output().includes('hush'))
}

async function takePort(): Promise<net.Server> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
const portOf = (server: net.Server) => String((server.address() as net.AddressInfo).port)

test('a port that is in use', async () => {
  const taken = await takePort()
  const PORT = portOf(taken)
  const sentence = new RegExp(`^Cannot start: port ${PORT} on 127\\.0\\.0\\.1 is in use; set PORT to another\n$`)
  await refuses({ PORT, HOST: '127.0.0.1', DATABASE_URL }, sentence)
  const FLAGSTAFF_TRIAL_DIR = newFolder()
  await refuses({ PORT, FLAGSTAFF_TRIAL_DIR }, sentence)
  assert.ok(existsSync(join(FLAGSTAFF_TRIAL_DIR, 'data/PG_VERSION')))
  assert.ok(!existsSync(lockOf(FLAGSTAFF_TRIAL_DIR)), 'no Postgres is left behind')
  taken.close()
  const service = await startService({ FLAGSTAFF_TRIAL_DIR })
  programs.push(service)
  service.child.kill('SIGTERM')
  assert.equal((await service.ended).code, 0)
})

test('a host that is not of this machine, or that does not exist', async () => {
  await refuses({ HOST: '192.0.2.1', DATABASE_URL }, /^Cannot start: [^\n]*192\.0\.2\.1/)
  await refuses({ HOST: 'nowhere.invalid', DATABASE_URL }, /^Cannot start: [^\n]*nowhere\.invalid/)
})

test('several bad variables at once', async () => {
  const env = { PORT: 'http', DRAIN_SECONDS: '0', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://root:hush@db/flags' }
  const program = runProgram('src/main.ts', env)
  programs.push(program)
  assert.equal((await program.ended).code, 1)
  for (const name of Object.keys(env)) assert.ok(program.output().includes(`${name}: `), `${name}: ${program.output()}`)
  assert.match(program.output(), /^(Cannot start: [A-Z_]+: [^\n]+\n)+$/)
  assert.ok(!program.output().includes('hush'))
})

test('an invalid trial folder', async () => {
  const file = newFolder()
  writeFileSync(file, '')
  await refuses({ FLAGSTAFF_TRIAL_DIR: file }, /^Cannot start: the folder [^\n]+ cannot be used \(EEXIST\)/)
  await refuses(
    { FLAGSTAFF_TRIAL_DIR: join(file, 'in') },
    /^Cannot start: the folder [^\n]+ cannot be used \(ENOTDIR\)/,
  )
})

test('a trial folder that another Flagstaff uses', async () => {
  const FLAGSTAFF_TRIAL_DIR = newFolder()
  const first = await startService({ FLAGSTAFF_TRIAL_DIR })
  programs.push(first)
  await refuses({ FLAGSTAFF_TRIAL_DIR }, /^Cannot start: another Flagstaff uses the folder /)
  assert.equal((await fetch(`${first.address}/readyz`)).status, 200, 'the first one is unharmed')
  first.child.kill('SIGTERM')
  assert.equal((await first.ended).code, 0)
})

test('a signal before it listens still ends it in order', async () => {
  const FLAGSTAFF_TRIAL_DIR = newFolder()
  const program = runProgram('src/main.ts', { PORT: '0', FLAGSTAFF_TRIAL_DIR })
  programs.push(program)
  // Its own Postgres is the first externally visible step.
  while (!existsSync(lockOf(FLAGSTAFF_TRIAL_DIR)) && program.child.exitCode === null) await sleep(5)
  program.child.kill('SIGTERM')
  assert.deepEqual(await program.ended, { code: 0, signal: null }, program.output())
  assert.ok(!existsSync(lockOf(FLAGSTAFF_TRIAL_DIR)))
})

/** The command of the banner as a shell would read it: continued lines joined, quotes removed. */
function readCurl(text: string): { url: string; init: RequestInit } {
  const [command = ''] = /curl (?:[^\n\\]|\\\n)+/.exec(text) ?? []
  const words = [...command.replaceAll('\\\n', ' ').matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, bare]) => quoted ?? bare,
  )
  const after = (option: string) => words[words.indexOf(option) + 1] ?? ''
  const [name = '', value = ''] = after('-H').split(': ')
  const url = words.find((word) => word?.startsWith('http')) ?? ''
  return { url, init: { method: after('-X'), headers: { [name]: value }, body: after('-d') } }
}

test('the banner fits a screen, its command works, and a second start finds the changes', async () => {
  const FLAGSTAFF_TRIAL_DIR = join(newFolder(), 'a folder')
  for (const [start, value] of [
    [1, 'Welcome, colleague'],
    [2, 'Welcome'],
  ] as const) {
    const service = await startService({ FLAGSTAFF_TRIAL_DIR })
    programs.push(service)
    await service.says(/Set DATABASE_URL for a real deployment/)
    const lines = service.output().split('\n')
    assert.ok(lines.length <= 24 && lines.every((line) => line.length <= 120), service.output())
    assert.ok(service.output().includes(FLAGSTAFF_TRIAL_DIR))
    const { url, init } = readCurl(service.output())
    assert.ok(url.startsWith(service.address))
    const answer = (await (await fetch(url, init)).json()) as { value: unknown }
    assert.equal(answer.value, value, `start ${start}`)
    const path = '/api/v1/projects/default/environments/development/flags/banner-text'
    const patch = { method: 'PATCH', body: '{"targeting":null}', headers: { 'content-type': 'application/json' } }
    assert.equal((await fetch(`${service.address}${path}`, patch)).status, 200)
    service.child.kill('SIGTERM')
    assert.equal((await service.ended).code, 0)
  }
  assert.match(readFileSync(join(FLAGSTAFF_TRIAL_DIR, 'postgres.log'), 'utf8'), /database system is shut down/)
})
