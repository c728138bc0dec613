import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { KeyFinder } from '../../src/scanner/find-keys.ts'
import { scanWorkingTree } from '../../src/scanner/working-tree.ts'
import { type Listening, openListening } from '../support/listening.ts'
import { runProgram } from '../support/process.ts'
import { ADMIN_KEY } from '../support/service.ts'

// Keys of flags in code: the search, a real git working tree, and the command against the service over a socket.

for (const [what, keys, text, expected] of [
  ['a key in quotes', ['new-checkout'], 'client.isEnabled("new-checkout")', ['new-checkout']],
  ['a member of an object', ['newCheckout'], 'flags.newCheckout()', ['newCheckout']],
  ['no part of a longer key', ['checkout', 'new'], '"new-checkout" new_checkout checkout2', []],
  ['a key with dots', ['shop.cart.v2'], "get('shop.cart.v2') shop.cart.v22 myshop.cart.v2", ['shop.cart.v2']],
  ['a dotted key and its first word', ['shop', 'shop.cart'], 'x = shop.cart', ['shop', 'shop.cart']],
  ['a key with spaces and signs', ['a b/c!'], 'flag("a b/c!")', ['a b/c!']],
  ['a key that begins with a sign', ['@beta'], 'f("@beta")', ['@beta']],
  ['letters beyond ASCII', ['größe'], 'größe übergröße', ['größe']],
  ['a key twice in one line', ['a1'], 'a1 a1', ['a1']],
  ['a key like a method', ['constructor', '__proto__'], 'x.constructor.__proto__', ['constructor', '__proto__']],
] as const)
  test(`the search finds ${what}`, () => {
    assert.deepEqual(
      new KeyFinder(keys).find(text).map(({ key }) => key),
      expected,
    )
  })

test('keys without a word are named as not searchable', () => {
  assert.deepEqual(new KeyFinder(['a', '→', '!!']).unsearchable, ['→', '!!'])
})

test('20,000 keys are searched in one pass', () => {
  const keys = Array.from({ length: 20_000 }, (_, index) => `flag-${index}`)
  const finder = new KeyFinder(keys)
  const text = keys
    .map((key) => `  if (client.isEnabled('${key}')) work() // and more text that names nothing`)
    .join('\n')
  const begin = process.cpuUsage()
  assert.equal(finder.find(text).length, 20_000)
  const { user } = process.cpuUsage(begin)
  assert.ok(user < 5_000_000, `${user / 1_000} ms`)
})

const tree = mkdtempSync(join(tmpdir(), 'flagstaff-tree-'))
const git = (...args: string[]) =>
  execFileSync('git', ['-C', tree, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args])
let it: Listening
before(async () => {
  git('init', '-q', '-b', 'main')
  mkdirSync(join(tree, 'src'))
  writeFileSync(
    join(tree, 'src/shop.ts'),
    "const a = 1\nif (flags.on('alpha')) go()\nflags.on('beta') // alpha again\n",
  )
  writeFileSync(join(tree, 'large.txt'), 'alpha\n'.repeat(200_000))
  writeFileSync(join(tree, 'image.png'), Buffer.from([0x89, 0, ...Buffer.from('alpha')]))
  writeFileSync(join(tree, 'untracked.ts'), 'alpha')
  symlinkSync('src/shop.ts', join(tree, 'link.ts'))
  git('add', 'src', 'large.txt', 'image.png', 'link.ts')
  git('commit', '-qm', 'first')
  it = await openListening()
  await it.environment('shop')
  for (const key of ['alpha', 'beta', 'gamma'])
    await it.service.call('POST', '/api/v1/projects/shop/flags', { body: { key, type: 'boolean' } })
})
after(async () => {
  await it.close()
  rmSync(tree, { recursive: true })
})

test('the files that git tracks are scanned; links, binary and large files are left out', async () => {
  const finder = new KeyFinder(['alpha', 'beta', 'gamma'])
  const scan = await scanWorkingTree(tree, finder, { withText: false })
  assert.deepEqual(scan, {
    references: [
      { flag: 'alpha', path: 'src/shop.ts', line: 2 },
      { flag: 'beta', path: 'src/shop.ts', line: 3 },
      { flag: 'alpha', path: 'src/shop.ts', line: 3 },
    ],
    files: 1,
    skipped: 3,
  })
  const { references } = await scanWorkingTree(tree, finder, { withText: true })
  assert.equal(references[0]?.text, "if (flags.on('alpha')) go()")
  await assert.rejects(scanWorkingTree(tmpdir(), finder, { withText: false }), /Cannot read the git working tree/)
})

const run = async (args: string[], env: Record<string, string> = {}) => {
  const url = { FLAGSTAFF_URL: it.address, FLAGSTAFF_API_KEY: ADMIN_KEY }
  const program = runProgram('src/cli.ts', { ...url, ...env }, { args: ['code-references', ...args] })
  const { code } = await program.ended
  return { code, output: program.output() }
}
const referencesOf = async (key: string) =>
  (await it.service.call('GET', `/api/v1/projects/shop/flags/${key}/code-references`)).body

test('L12: the command scans a tree and reports it, needs no database, and sends no source by default (Unleash#11831)', async () => {
  const dry = await run(['shop', tree, '--repository', 'github.com/example/shop', '--dry-run'])
  assert.equal(dry.code, 0, dry.output)
  assert.match(dry.output, /^src\/shop\.ts:2: alpha$/m)
  assert.deepEqual((await referencesOf('alpha')).scans, [])
  const { code, output } = await run(['shop', tree, '--repository', 'github.com/example/shop'])
  assert.equal(code, 0, output)
  assert.match(output, /3 references to 2 flags in 1 files \(3 left out\); reported for main at [0-9a-f]{12}/)
  const alpha = await referencesOf('alpha')
  const place = { repository: 'github.com/example/shop', branch: 'main', path: 'src/shop.ts', text: '' }
  assert.deepEqual(alpha.items, [
    { ...place, line: 2 },
    { ...place, line: 3 },
  ])
  assert.equal(alpha.scans[0].references, 2)
  const gamma = await referencesOf('gamma')
  assert.deepEqual([gamma.items, gamma.scans[0].references], [[], 0])
})

test('the command refuses a URL without TLS, a wrong key, a detached head, and shows its usage', async () => {
  const args = ['shop', tree, '--repository', 'r']
  for (const [env, expected] of [
    [{ FLAGSTAFF_URL: 'http://flags.example.com' }, /expected an https:\/\/ URL/],
    [{ FLAGSTAFF_URL: 'nonsense' }, /expected an https:\/\/ URL/],
    [{ FLAGSTAFF_API_KEY: 'wrong' }, /answered 401/],
    [{ FLAGSTAFF_API_KEY: '' }, /Usage/],
  ] as const) {
    const { code, output } = await run(args, env)
    assert.deepEqual([code, expected.test(output)], [1, true], output)
    assert.ok(!output.includes(ADMIN_KEY))
  }
  git('checkout', '-q', '--detach')
  const detached = await run(args)
  assert.match(detached.output, /Name it with --branch/)
  assert.equal((await run([...args, '--branch', 'release'])).code, 0)
  git('checkout', '-q', 'main')
})
