import { type Code, FlagError } from '../../flag/error.ts'

/** What each constraint of the schema means to a caller. */
const CONSTRAINTS: Readonly<Record<string, readonly [Code, string]>> = {
  projects_key_unique: ['conflict', 'A project with this key exists already'],
  environments_key_unique: ['conflict', 'An environment with this key exists already in the project'],
  environments_project_id_fkey: ['conflict', 'The project still has environments'],
  flags_key_unique: ['conflict', 'A flag with this key exists already in the project'],
}

/** SQLSTATEs that mean "not now" (https://www.postgresql.org/docs/current/errcodes-appendix.html), whole or by class. */
const UNAVAILABLE = new Set(['57014', '57P01', '57P02', '57P03', '57P05', '25P03', '40001', '40P01', '55P03', '25006'])
const UNAVAILABLE_CLASSES = new Set(['08', '53', '58'])
/** How sockets call a connection that cannot be had. */
const DISCONNECTED = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES)/
/** SQLSTATEs after which a session is of no further use: the server is read-only (a former primary), shuts down or starts up. */
const ENDING = new Set(['25006', '57P01', '57P02', '57P03'])

/** Turns a driver's failure into an expected one where it is one. The driver's text stays in `cause`: it holds SQL and values. */
export function refusal(error: unknown): unknown {
  const driver = driverError(error)
  if (!driver) return error
  const constraint = CONSTRAINTS[driver.constraint]
  if (constraint) return new FlagError(constraint[0], constraint[1], { cause: driver.error })
  const { code } = driver
  if (UNAVAILABLE.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2)) || DISCONNECTED.test(code))
    return new FlagError('unavailable', 'The database cannot be used right now', { cause: driver.error })
  return error
}

/** Whether a failure says that no connection of the pool is of use any more, not only that one statement failed. */
export function endsConnections(error: unknown): boolean {
  const code = driverError(error)?.code ?? ''
  return ENDING.has(code) || code.startsWith('08')
}

/** Whether the server refused a write because it is read-only. */
export function isReadOnlyError(error: unknown): boolean {
  return driverError(error)?.code === '25006'
}

/** Finds the error that carries a code: drizzle wraps the driver's error as the cause of its own. */
function driverError(error: unknown): { error: Error; code: string; constraint: string } | undefined {
  for (let at = error; at instanceof Error && !(at instanceof FlagError); at = at.cause) {
    if (!('code' in at) || typeof at.code !== 'string') continue
    const constraint = 'constraint' in at && typeof at.constraint === 'string' ? at.constraint : ''
    return { error: at, code: at.code, constraint }
  }
  return undefined
}
