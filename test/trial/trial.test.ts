import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, servesFolder } from '../../src/trial/folder-lock.ts'
import { kill, type Program, runProgram } from '../support/process.ts'

const ROOT = join(import.meta.dirname, '../..')
const IS_ROOT = process.getuid?.() === 0
const NOBODY = 65_534
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
/** Only root can become an ordinary user, and only if that user can enter the checkout. */
const mayBeNobody =
  IS_ROOT && spawnSync('setpriv', [...AS_NOBODY.slice(1), 'cat', join(ROOT, 'package.json')]).status === 0

const made: string[] = []
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'flagstaff-trial-test-'))
  made.push(path)
  return path
}
after(async () => {
  for (const path of made) {
    await end(path)
    rmSync(path, { recursive: true, force: true })
  }
})

/** Stops the databases that failed tests left in a folder. */
async function end(path: string): Promise<void> {
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('postmaster.pid')) continue
    const pid = postmaster(join(path, name))
    if (!servesFolder(pid, dirname(join(path, name)))) continue
    process.kill(pid, 'SIGQUIT')
    while (isAlive(pid)) await sleep(10)
  }
}
const postmaster = (file: string) => Number.parseInt(readFileSync(file, 'utf8'), 10)

type Options = { prefix?: readonly string[]; env?: Record<string, string> }
const hold = (path: string, { prefix = [], env = {} }: Options = {}): Program =>
  runProgram('test/trial/holder.ts', env, { args: [path], prefix })

async function stop(program: Program): Promise<void> {
  program.child.kill('SIGTERM')
  assert.deepEqual(await program.ended, { code: 0, signal: null }, program.output())
}

/** Starts in a folder, expects the rows of earlier starts, and stops in order. */
async function findsRow(number: number, path: string, options: Options = {}): Promise<void> {
  const program = hold(path, options)
  await program.says(new RegExp(`Row ${number} stands`))
  await stop(program)
}

/** Starts in a folder where that cannot work: one line, and exit code 1. */
async function refuses(path: string, pattern: RegExp, options: Options = {}): Promise<void> {
  const program = hold(path, options)
  const { code } = await program.ended
  assert.equal(code, 1, program.output())
  assert.match(program.output(), pattern)
  assert.equal(program.output().trim().split('\n').length, 1, program.output())
}

for (const [what, name] of [
  ['with spaces and signs', `a b 'c' $d [e]`],
  ['of 200 characters', 'l'.repeat(200)],
] as const)
  test(`a second start finds the data of the first, in a folder ${what}`, async () => {
    const path = join(folder(), name)
    await findsRow(1, path)
    await findsRow(2, path)
  })

test('a start after a kill -9 takes over, with everything committed', async () => {
  const path = folder()
  const first = hold(path)
  await first.says(/Row 1 stands/)
  await kill(first)
  const second = hold(path)
  await second.says(/Row 2 stands/)
  process.kill(postmaster(join(path, 'data/postmaster.pid')), 'SIGKILL')
  await kill(second)
  await findsRow(3, path)
})

test('a lock with the process id of an unrelated process blocks no start and does not affect that process', async () => {
  const [path, other] = [folder(), folder()]
  await findsRow(1, path)
  const stranger = hold(other)
  await stranger.says(/Row 1 stands/)
  const lock = join(path, 'data/postmaster.pid')
  for (const [row, pid] of [process.pid, postmaster(join(other, 'data/postmaster.pid'))].entries()) {
    writeFileSync(lock, `${pid}\n${join(path, 'data')}\n1\n5432\n\n\n 1 1\nready\n`)
    await findsRow(row + 2, path)
  }
  writeFileSync(lock, '')
  await findsRow(4, path)
  await stop(stranger)
})

test('of several concurrent starts after a kill -9, one gets the folder and the others report it', async () => {
  const path = folder()
  const killed = hold(path)
  await killed.says(/Row 1 stands/)
  await kill(killed)
  const programs = Array.from({ length: 4 }, () => hold(path))
  const outcomes = await Promise.all(
    programs.map((program) =>
      Promise.race([program.says(/Row 2 stands/).then(() => true), program.ended.then(() => false)]),
    ),
  )
  assert.equal(outcomes.filter(Boolean).length, 1, programs.map((program) => program.output()).join(''))
  for (const [index, program] of programs.entries()) {
    if (outcomes[index]) await stop(program)
    else assert.match(program.output(), /^Cannot start: another Flagstaff uses the folder [^\n]+\n$/)
  }
})

test('two folders are independent at the same time', async () => {
  const programs = [folder(), folder()].map((path) => hold(path))
  await Promise.all(programs.map((program) => program.says(/Row 1 stands/)))
  await Promise.all(programs.map(stop))
})

test('a Ctrl-C, which signals the whole group, does not reach Postgres', async () => {
  const path = folder()
  // setsid makes it the leader of its own group, as a shell does.
  const program = hold(path, { prefix: ['setsid'] })
  await program.says(/Row 1 stands/)
  const pid = postmaster(join(path, 'data/postmaster.pid'))
  process.kill(-(program.child.pid ?? 0), 'SIGINT')
  await program.ended
  assert.ok(isAlive(pid))
  await findsRow(2, path)
})

test("variables exported for Postgres's own programs have no effect", async () => {
  await findsRow(1, folder(), { env: { PGPORT: '1', PGDATA: '/nowhere', LC_ALL: 'xx_XX', LANG: 'xx_XX' } })
})

test('data of a different Postgres, and a file in place of the folder, are reported in one line', async () => {
  const path = folder()
  await findsRow(1, path)
  writeFileSync(join(path, 'data/PG_VERSION'), '17\n')
  await refuses(path, /^Cannot start: .*version 17/)
  writeFileSync(join(path, 'file'), '')
  await refuses(join(path, 'file'), /^Cannot start: the folder .*file cannot be used/)
})

test('root may start in a folder that only root may enter', { skip: !IS_ROOT && 'needs root' }, async () => {
  const path = join(folder(), 'deep/er')
  await findsRow(1, path)
  await findsRow(2, path)
})

test('root without the capability to enter every folder starts, and finds the data with it', {
  skip: !IS_ROOT && 'needs root',
}, async (t) => {
  const less = ['setpriv', '--bounding-set=-dac_override,-dac_read_search']
  if (spawnSync('unshare', ['--user', 'true']).status !== 0) return t.skip('this machine allows no user namespace')
  const path = folder()
  await findsRow(1, path, { prefix: less })
  await findsRow(2, path)
})

test('an ordinary user starts in a folder of theirs, and root after them', {
  skip: !mayBeNobody && 'needs root and an open checkout',
}, async () => {
  const path = folder()
  chownSync(path, NOBODY, NOBODY)
  await findsRow(1, path, { prefix: AS_NOBODY })
  await findsRow(2, path)
  await findsRow(3, path, { prefix: AS_NOBODY })
})

test('a folder that the user may not read or not write is reported in one line', {
  skip: !mayBeNobody && 'needs root and an open checkout',
}, async () => {
  const path = folder()
  await refuses(path, /^Cannot start: the folder .* cannot be used \(EACCES\)/, { prefix: AS_NOBODY })
  chmodSync(path, 0o755)
  mkdirSync(join(path, 'roots'))
  await refuses(join(path, 'roots'), /^Cannot start: the folder .* cannot be used \(EACCES\)/, { prefix: AS_NOBODY })
})
