import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { readConfig } from './config/config.ts'
import { readDocument } from './flag/check/document.ts'
import { portableDocumentOf } from './flag/document.ts'
import { FlagError } from './flag/error.ts'
import type { Author } from './repository/postgres/changes.ts'
import type { DatabaseAddress } from './repository/postgres/connection/address.ts'
import type { DatabaseClient } from './repository/postgres/connection/driver.ts'
import { connect } from './repository/postgres/connection/failover-pool.ts'
import { type Database, openDatabase } from './repository/postgres/database.ts'
import type { EnvironmentName } from './repository/postgres/environments.ts'
import { applyFlagSet, exportFlagSet } from './repository/postgres/flag-set.ts'
import { createKey } from './repository/postgres/keys.ts'
import { migrate, renewIncarnation } from './repository/postgres/schema.ts'
import type { Role } from './repository/postgres/tables.ts'
import { reportCodeReferences } from './scanner/code-references.ts'
import { orExit } from './server/start.ts'

// One-off commands of an operator, run against the database that the service uses: node src/cli.ts <command>

const USAGE = `Usage: admin <command>, with DATABASE_URL in the environment

  migrate                                          bring the database's schema up to date
  new-incarnation                                  declare, after a restore from backup, that revisions may be lower now
  key <role> <name> [--environment <p>/<e>]        create an API key and print it: client, server, viewer, editor or admin
  import <p>/<e> <file> [--prune] [--dry-run] [--no-strict]
                                                   import a flagd file into an environment
  export <p>/<e>                                   print an environment as a flagd file

Without a database, with FLAGSTAFF_URL and FLAGSTAFF_API_KEY, the key of an editor:

  code-references <project> <folder> --repository <name> [--branch <name>] [--text] [--dry-run]
                                                   scan a git working tree for keys of flags and report where they are
`
const ROLES: readonly Role[] = ['client', 'server', 'viewer', 'editor', 'admin']
const AUTHOR: Author = { actor: 'admin command', comment: '', traceId: '' }
const OPTIONS = {
  environment: { type: 'string' },
  prune: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  'no-strict': { type: 'boolean', default: false },
  repository: { type: 'string' },
  branch: { type: 'string' },
  text: { type: 'boolean', default: false },
} as const
type Options = {
  environment?: string | undefined
  prune: boolean
  'dry-run': boolean
  'no-strict': boolean
  repository?: string | undefined
  branch?: string | undefined
  text: boolean
}
type Command = (database: Database, args: readonly string[], options: Options) => Promise<string>

const COMMANDS: Readonly<Record<string, Command>> = {
  key: async (database, [role, name], { environment }) => {
    const known = ROLES.find((one) => one === role)
    if (!known || !name) throw new Error(`Cannot create the key: expected one of ${ROLES.join(', ')}, and a name`)
    if ((known === 'admin') !== (environment === undefined))
      throw new Error(
        'Cannot create the key: client, server, viewer and editor keys need --environment <project>/<environment>, admin keys have none',
      )
    const key = {
      name,
      role: known,
      environment: environment === undefined ? null : environmentNamed(environment),
      expiresAt: null,
    }
    return (await createKey(database, key, AUTHOR)).secret
  },
  import: async (database, [target, file], options) => {
    const { source: document, mistakes } = readDocument(...readJson(file))
    if (mistakes.length > 0) throw new FlagError('invalid', `Cannot import ${file}: it is not a flag set`, { mistakes })
    const { revision, changed, warnings } = await applyFlagSet(database, environmentNamed(target), {
      document,
      prune: options.prune,
      dryRun: options['dry-run'],
      strict: !options['no-strict'],
      expected: undefined,
      author: AUTHOR,
    })
    const lines = [
      ...warnings.map(({ pointer, message }) => `warning: ${pointer}: ${message}`),
      ...changed.map(({ key }) => `changed: ${key}`),
    ]
    return [
      ...lines,
      `${changed.length} flags ${options['dry-run'] ? 'would change' : `changed; revision ${revision}`}`,
    ].join('\n')
  },
  export: async (database, [target]) =>
    JSON.stringify(portableDocumentOf(await exportFlagSet(database, environmentNamed(target))), null, 2),
}

/** Commands that change the schema itself. They use one connection and have no time limit, because a migration may take long. */
const SCHEMA_COMMANDS: Readonly<Record<string, (client: DatabaseClient) => Promise<string>>> = {
  migrate: async (client) => {
    await migrate(client)
    return 'The schema is up to date'
  },
  'new-incarnation': async (client) => `The database's incarnation is now ${await renewIncarnation(client)}`,
}

await orExit(async () => {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true })
  const [command = '', ...args] = positionals
  if (command === 'code-references') {
    process.stdout.write(`${await scanCode(args, values)}\n`)
    return
  }
  const config = readConfig(process.env)
  const isKnown = Object.hasOwn(SCHEMA_COMMANDS, command) || Object.hasOwn(COMMANDS, command)
  if (config.mode === 'trial' || !isKnown) throw new Error(USAGE)
  const onSchema = SCHEMA_COMMANDS[command]
  const output = onSchema
    ? await withClient(config.database, command, onSchema)
    : await runAt(config.database, command, args, values)
  process.stdout.write(`${output}\n`)
})

function scanCode([project, folder]: readonly string[], options: Options): Promise<string> {
  const { FLAGSTAFF_URL: url, FLAGSTAFF_API_KEY: apiKey } = process.env
  const { repository, branch, text: withText, 'dry-run': dryRun } = options
  if (!project || !folder || !repository || !url || !apiKey) throw new Error(USAGE)
  return reportCodeReferences({ url, apiKey, project, folder, repository, branch, withText, dryRun })
}

async function withClient(
  address: DatabaseAddress,
  name: string,
  command: (client: DatabaseClient) => Promise<string>,
): Promise<string> {
  let client: DatabaseClient | undefined
  try {
    client = await connect(address)
    return await command(client)
  } catch (cause) {
    throw new Error(`Cannot run "${name}": ${reasonOf(cause)}`, { cause })
  } finally {
    await client?.end()
  }
}

/** The innermost error message, on one line: drizzle's own message contains the whole migration. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.cause instanceof Error) return reasonOf(error.cause)
  const lines = (error instanceof Error ? error.message : String(error)).split('\n')
  return lines.map((line) => line.trim()).join(' ')
}

async function runAt(
  address: DatabaseAddress,
  command: string,
  args: readonly string[],
  options: Options,
): Promise<string> {
  const database = openDatabase(address)
  try {
    return (await COMMANDS[command]?.(database, args, options)) ?? ''
  } catch (error) {
    if (!(error instanceof FlagError)) throw error
    throw new Error(
      [error.message, ...error.mistakes.map(({ pointer, message }) => `  ${pointer}: ${message}`)].join('\n'),
      { cause: error },
    )
  } finally {
    await database.close()
  }
}

function environmentNamed(flagSetId: string | undefined): EnvironmentName {
  const [project, environment, ...rest] = flagSetId?.split('/') ?? []
  if (!project || !environment || rest.length > 0)
    throw new Error(`Cannot find the environment: expected <project>/<environment>, got "${flagSetId ?? ''}"`)
  return { project, environment }
}

/** The parsed value of a JSON file, and its text. */
function readJson(file: string | undefined): [value: unknown, text: string] {
  try {
    const text = readFileSync(file ?? '', 'utf8')
    return [JSON.parse(text), text]
  } catch (cause) {
    throw new Error(
      `Cannot import ${file ?? 'nothing'}: ${cause instanceof Error ? cause.message : 'it cannot be read'}`,
      { cause },
    )
  }
}
