import type { Api } from '../../api/gen/api.ts'

export type Key = Api['GET /api/v1/keys']['response']['items'][number]
export type KeyRole = Key['role']

/** The roles of keys, from the least powerful one, with what each is for. */
export const ROLES: readonly { readonly role: KeyRole; readonly label: string; readonly text: string }[] = [
  { role: 'client', label: 'Client', text: 'Evaluates flags. Web and mobile apps may contain it' },
  {
    role: 'server',
    label: 'Server',
    text: 'Evaluates flags and reads their definitions, for providers that evaluate in process. Keep it secret',
  },
  { role: 'viewer', label: 'Viewer', text: 'Reads flags, segments and changes of its environment' },
  { role: 'editor', label: 'Editor', text: 'Reads and changes flags and segments of its environment' },
  { role: 'admin', label: 'Admin', text: 'Reads and changes everything in all projects, and creates keys' },
]

/** The roles that a signed-in role may give to keys; undefined: no one signs in. */
export const grantableRoles = (role: 'viewer' | 'editor' | 'admin' | undefined) => {
  if (role === undefined || role === 'admin') return ROLES
  return role === 'viewer' ? [] : ROLES.filter((each) => each.role === 'client' || each.role === 'server')
}

/** Whether a key works; `now` is in milliseconds since 1970. */
export function keyState({ revokedAt, expiresAt }: Key, now: number): 'usable' | 'expired' | 'revoked' {
  if (revokedAt !== null) return 'revoked'
  return expiresAt !== null && Date.parse(expiresAt) <= now ? 'expired' : 'usable'
}

const DAY_MS = 86_400_000

/** When a new key can end. `days` is undefined where the day is chosen. */
export const EXPIRIES = [
  { name: 'never', label: 'Never', days: null },
  { name: '30', label: 'In 30 days', days: 30 },
  { name: '90', label: 'In 90 days', days: 90 },
  { name: '365', label: 'In one year', days: 365 },
  { name: 'day', label: 'At the end of a day…', days: undefined },
] as const
export type Expiry = (typeof EXPIRIES)[number]

/**
 * The end of a new key as an ISO 8601 text; null: never; undefined: no day is chosen, or it is over. `day` is `YYYY-MM-DD` in the
 * time zone of the browser, and the key works until it is over. `now` is in milliseconds since 1970.
 */
export function expiresAt({ days }: Expiry, day: string, now: number): string | null | undefined {
  if (days === null) return null
  if (days !== undefined) return new Date(now + days * DAY_MS).toISOString()
  const end = new Date(`${day}T23:59:59.999`)
  return end.getTime() > now ? end.toISOString() : undefined
}
