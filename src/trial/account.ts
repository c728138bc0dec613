import { execFile } from 'node:child_process'
import { chownSync, existsSync, readFileSync, statSync } from 'node:fs'
import { promisify } from 'node:util'

/** As whom Postgres runs: `prefix` goes before its command. `owner` gets its files; undefined: whoever we are. */
export type Account = { readonly prefix: readonly string[]; readonly owner: { uid: number; gid: number } | undefined }

const NOBODY = 65_534

/** All that Postgres sees of our environment: what a shell exports (PGPORT, PGDATA, LC_ALL) would change how it runs. */
export const POSTGRES_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
}

/**
 * Postgres refuses to run as root. For root it so runs as the owner of its files, or `nobody`; it keeps one of root's rights, to
 * pass through folders that only root may enter, as /root and most temporary folders are. Where that right cannot be
 * handed on, a user namespace does: inside it root's own files belong to the other user.
 */
export async function accountFor(data: string, program: string): Promise<Account> {
  if (process.getuid?.() !== 0) return { prefix: [], owner: undefined }
  const owner = ownerOf(data) ?? userNamed('nobody') ?? { uid: NOBODY, gid: NOBODY }
  // The last is for access(2), by which initdb looks for its sibling: without it, that call knows of no rights but root's.
  const right = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup']
  const become = ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups']
  const namespace: Account = { prefix: ['unshare', '--user', `--map-user=${NOBODY}`], owner: undefined }
  const candidates: Account[] = [{ prefix: [...become, ...right], owner }, namespace, { prefix: become, owner }]
  // Files of an earlier start from inside a user namespace: only from there does Postgres own them.
  if (existsSync(data) && ownerOf(data) === undefined) candidates.unshift(namespace)
  for (const account of candidates) if (await works(account, program)) return account
  throw new Error(
    'Cannot start: Postgres does not run as root, and this machine lets root become no other user; start as an ordinary user, or set DATABASE_URL',
  )
}

/** Gives a path to the account. */
export function hand(path: string, { owner }: Account): void {
  if (owner) chownSync(path, owner.uid, owner.gid)
}

async function works({ prefix }: Account, program: string): Promise<boolean> {
  const [command = '', ...rest] = prefix
  try {
    await promisify(execFile)(command, [...rest, program, '--version'], { env: POSTGRES_ENVIRONMENT })
    return true
  } catch {
    return false
  }
}

/** Who owns what an earlier start left; undefined when nothing is there, or it is root's from inside a user namespace. */
function ownerOf(path: string): { uid: number; gid: number } | undefined {
  try {
    const { uid, gid } = statSync(path)
    return uid === 0 ? undefined : { uid, gid }
  } catch {
    return undefined
  }
}

function userNamed(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) }
}
