import { app, type Doors } from '../../src/http/app.ts'
import { authenticator } from '../../src/http/auth.ts'
import { KeyRing } from '../../src/snapshot/keyring.ts'
import { Snapshots } from '../../src/snapshot/snapshots.ts'
import { readKeyRing } from '../../src/store/keys.ts'
import { readSource } from '../../src/store/source.ts'
import { openStore, type Store } from './store.ts'

export const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'

export type Answer = { status: number; headers: Headers; body: any; text: string }
export type Call = { key?: string | null; body?: unknown; headers?: Record<string, string> }
export type Service = {
  readonly store: Store
  readonly fetch: (request: Request) => Response | Promise<Response>
  /** Sends a request with the admin key, unless `key` says otherwise; JSON in, JSON out. */
  call(method: string, path: string, call?: Call): Promise<Answer>
  close(): Promise<void>
}

/** All doors over a real database, in this process and without a socket. */
export async function openService(options: Partial<Doors> = {}): Promise<Service> {
  const store = await openStore()
  const { database } = store
  const log = () => undefined
  const now = () => Date.now()
  const keeping = { copies: undefined, now: () => performance.now(), freshnessMs: 1_000, truthCheckMs: 10_000, log }
  const keys = new KeyRing(keeping, (since) => readKeyRing(database, since), { adminSecret: ADMIN_KEY, wallNow: now })
  const snapshots = new Snapshots(keeping, (flagSetId, since) => readSource(database, flagSetId, since))
  const { fetch } = app({
    authenticate: authenticator((secret) => keys.find(secret), undefined),
    current: (flagSetId) => snapshots.current(flagSetId),
    database,
    flagsChanged: (scope) => snapshots.refresh(scope),
    keysChanged: () => keys.refresh(),
    health: { isStopping: () => false, check: () => Promise.resolve() },
    trialFlagSetId: undefined,
    bodyBytesMax: 1_000_000,
    corsOrigins: undefined,
    now,
    log,
    ...options,
  })
  const call = async (
    method: string,
    path: string,
    { key = ADMIN_KEY, body, headers = {} }: Call = {},
  ): Promise<Answer> => {
    const init = {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }
    const response = await fetch(new Request(`http://localhost${path}`, init))
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : undefined, text }
  }
  return { store, fetch, call, close: () => store.close() }
}
