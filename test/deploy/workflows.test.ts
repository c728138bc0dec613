import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, matchesGlob } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { ROOT } from './deployments.ts'

type Step = { name?: string; uses?: string; run?: string; with?: Record<string, unknown>; env?: Record<string, string> }
type Job = { permissions?: Record<string, string>; 'runs-on': string; 'timeout-minutes'?: number; steps: Step[] }
type Workflow = { permissions?: object; jobs: Record<string, Job>; on: Record<string, unknown> }

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const workflows = globSync('.github/workflows/*.yml', { cwd: ROOT })
  .sort()
  .map((path) => {
    const text = read(path)
    return { path, text, workflow: parse(text) as Workflow }
  })
const jobs = workflows.flatMap(({ path, workflow }) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${path}: ${name}`, job })),
)
const steps = jobs.flatMap(({ name, job }) => job.steps.map((step) => ({ job: name, step })))

/** The only rights that any job may have beyond reading the sources. */
const RIGHTS: Readonly<Record<string, Record<string, string>>> = {
  '.github/workflows/ci.yml: check': { contents: 'read' },
  '.github/workflows/release.yml: image': { contents: 'read', packages: 'write', 'id-token': 'write' },
  '.github/workflows/release.yml: release': { contents: 'write' },
}
/** What shells have, and what the image ubuntu-24.04 of GitHub's runners has. cosign is installed by its action, pipx installs sigstore. */
const COMMANDS = new Set([
  ...['test', 'echo', 'cd', 'mkdir', 'cat', 'sed', 'grep', 'date', 'sh', 'bash', 'sudo'],
  ...['git', 'jq', 'node', 'buildah', 'skopeo', 'gh', 'pipx', 'cosign'],
])

/** The first words of all simple commands of a script, by the shell's own grammar as far as these scripts use it. */
function commandsOf(script: string): string[] {
  const lines = script
    .replace(/\\\n/g, ' ')
    .replace(/^ *#.*$/gm, '')
    .split('\n')
  const parts = lines.flatMap((line) => [
    ...[...line.matchAll(/\$\((?!\()([a-z][\w-]*)/g)].map(([, name = '']) => name),
    ...line
      .replace(/'[^']*'|"[^"]*"/g, '""')
      .split(/&&|\|\||[;|]/)
      .map((part) => part.trim().replace(/^(?:(?:do|then|else)\s+|[A-Z_]+=\S* +)+/, '')),
  ])
  const words = parts.map((part) => /^[\w./-]+(?=\s|$)/.exec(part)?.[0])
  return words.filter(
    (word) => word !== undefined && !['for', 'do', 'done', 'if', 'then', 'else', 'fi'].includes(word),
  ) as string[]
}

test('workflows are those of CI and of releases, and each job is known', () => {
  assert.deepEqual(jobs.map(({ name }) => name).sort(), Object.keys(RIGHTS).sort())
})

test('every action is pinned by the hash of a commit, with its version beside it', () => {
  for (const { path, text } of workflows)
    for (const [line] of text.matchAll(/^.*\buses:.*$/gm))
      assert.match(line, /^ +- uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, path)
  const versions = new Map<string, string>()
  for (const { step } of steps)
    if (step.uses) {
      const [action = '', hash = ''] = step.uses.split('@')
      assert.equal(versions.get(action) ?? hash, hash, `${action} has one version`)
      versions.set(action, hash)
    }
  assert.ok(versions.size >= 5)
})

test('a workflow has no rights, and each job only those that it needs', () => {
  for (const { path, workflow } of workflows) assert.deepEqual(workflow.permissions, {}, path)
  for (const { name, job } of jobs) assert.deepEqual(job.permissions, RIGHTS[name], name)
})

test('no workflow runs with rights on the code of others, keeps a token in the checkout, or puts an expression into a script', () => {
  for (const { path, workflow } of workflows) {
    const events = Object.keys(workflow.on)
    assert.ok(!events.includes('pull_request_target') && !events.includes('workflow_run'), path)
  }
  for (const { job, step } of steps) {
    if (step.uses?.startsWith('actions/checkout@')) assert.equal(step.with?.['persist-credentials'], false, job)
    if (step.uses?.startsWith('actions/setup-node@')) assert.equal(step.with?.['package-manager-cache'], false, job)
    assert.ok(!step.run?.includes('${{'), `${job}: ${step.name}`)
  }
})

test('every job has a limit of time, and a fixed runner', () => {
  for (const { name, job } of jobs) {
    assert.ok(Number(job['timeout-minutes']) > 0, name)
    assert.equal(job['runs-on'], 'ubuntu-24.04', name)
  }
})

test('each command of a step exists, and so does each file that it names', () => {
  for (const { job, step } of steps.filter(({ step }) => step.run)) {
    const script = step.run ?? ''
    execFileSync('bash', ['-n', '-c', script]) // its grammar
    for (const command of commandsOf(script)) assert.ok(COMMANDS.has(command), `${job}: ${step.name}: ${command}`)
    for (const [file] of script.matchAll(
      /(?<=[\s"])(?:image|docs|\.ci)\/[\w./-]+|\bContainerfile\b|\bpackage\.json\b/g,
    ))
      assert.ok(existsSync(join(ROOT, file)), `${job}: ${file}`)
  }
})

test('the release gives image/statements.ts and the Containerfile the arguments that they have, all of them', () => {
  const script = steps.map(({ step }) => step.run ?? '').join('\n')
  const [statements = ''] = /node image\/statements\.ts[\s\S]*?(?<!\\)$/m.exec(script) ?? []
  const declared = [...read('image/statements.ts').matchAll(/^ {4}(\w+): \{ type: 'string'/gm)].map(([, name]) => name)
  const given = new Set([...statements.matchAll(/--([a-z]+)/g)].map(([, name]) => name))
  assert.deepEqual([...given].sort(), declared.sort())
  const [build = ''] = /buildah build[\s\S]*?(?<!\\)$/m.exec(script) ?? []
  const args = [...build.matchAll(/--build-arg "(\w+)=/g)].map(([, name]) => name)
  const containerfile = [...read('Containerfile').matchAll(/^ARG (\w+)/gm)].map(([, name]) => name)
  assert.deepEqual([...new Set(args)].sort(), [...new Set(containerfile)].sort())
})

test('the release verifies with the commands that the page documents', () => {
  const { run = '' } = steps.find(({ step }) => step.name === 'Verify as users do')?.step ?? {}
  const [command = ''] = /^sed .*(?= >verify\.sh$)/m.exec(run) ?? []
  const script = execFileSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8' })
  assert.match(script, /^verify\(\) \{\n(?:.+\n)+verify sbom "\$DIGEST"\n$/)
  assert.ok(!script.includes('`'))
  const [client = ''] = /grep -o .*?(?=\))/.exec(run) ?? []
  assert.match(execFileSync('sh', ['-c', client], { cwd: ROOT, encoding: 'utf8' }), /^sigstore==\d+\.\d+\.\d+\n$/)
})

test('every list of packages in the repository is kept up to date by Dependabot', () => {
  const { updates } = parse(read('.github/dependabot.yml')) as {
    updates: { 'package-ecosystem': string; directory?: string; directories?: string[] }[]
  }
  const ecosystems = {
    'package.json': 'npm',
    'requirements.txt': 'pip',
    'go.mod': 'gomod',
    'pom.xml': 'maven',
    'Cargo.toml': 'cargo',
  }
  const files = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n')
  for (const file of files) {
    const ecosystem = Object.entries(ecosystems).find(([name]) => basename(file) === name)?.[1]
    if (ecosystem === undefined) continue
    const patterns = updates
      .filter((update) => update['package-ecosystem'] === ecosystem)
      .flatMap(({ directory, directories = [] }) => (directory === undefined ? directories : [directory]))
    assert.ok(
      patterns.some((pattern) => matchesGlob(join('/', dirname(file)), pattern)),
      file,
    )
  }
  assert.ok(updates.some((update) => update['package-ecosystem'] === 'github-actions'))
})
