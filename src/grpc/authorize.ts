import { type Authenticate, type Header, hasRole } from '../cache/authenticator.ts'
import { flagSetIdFor, parseSelector, type Selector } from '../cache/selector.ts'
import { FlagError } from '../flag/error.ts'
import type { Role } from '../repository/postgres/tables.ts'
import type { Call } from './service.ts'

/** Which environment a call is about, and which of its flags. */
export type Admission = { readonly flagSetId: string; readonly selector: Selector | undefined }
export type Admit = (call: Call, role: Role, selectorText?: string) => Admission | Promise<Admission>

/** A key of ours as the first label of a host name. */
const KEY_LABEL = /^(fs_[\w-]+)(?=[.:]|$)/

/**
 * Lets a call in that has a key with at least `role`. The header `Flagd-Selector` comes before the selector of the message, and narrows
 * inside the key's environment. `fallback` is where a caller goes that is bound to no environment and names none.
 */
export function admission(authenticate: Authenticate, fallback: string | undefined): Admit {
  return (call, role, selectorText) => {
    const enter = (principal: Awaited<ReturnType<Authenticate>>): Admission => {
      if (!hasRole(principal, role))
        throw new FlagError('forbidden', `This API key may not do that: role "${role}" may`)
      const selector = parseSelector(call.header.get('flagd-selector') || selectorText)
      return { flagSetId: flagSetIdFor(principal, selector, fallback), selector }
    }
    const principal = authenticate(withAuthority(call))
    return principal instanceof Promise ? principal.then(enter) : enter(principal)
  }
}

/** flagd's JavaScript provider can send no header: there the key is the first label of the authority that it is told to use. */
function withAuthority({ header, authority }: Pick<Call, 'header' | 'authority'>): Header {
  if (header.get('authorization') !== null || header.get('x-api-key') !== null) return header
  const key = KEY_LABEL.exec(authority)?.[1]
  if (key === undefined) return header
  return { get: (name) => (name === 'x-api-key' ? key : header.get(name)) }
}
