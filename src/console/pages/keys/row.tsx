import { useQueryClient } from '@tanstack/preact-query'
import { useRef, useState } from 'preact/hooks'
import { call } from '../../api/client.ts'
import { queryKeys } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { focusContent } from '../../app/page.tsx'
import { Button } from '../../parts/controls/button.tsx'
import { FormError } from '../../parts/controls/field.tsx'
import { Badge } from '../../parts/display/badge.tsx'
import { Time } from '../../parts/display/time.tsx'
import { Popover } from '../../parts/overlays/popover.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import { type Key, keyState, ROLES } from './keys.ts'
import * as css from './page.module.css'

type KeyRowProps = { readonly apiKey: Key; readonly mayRevoke: boolean }

/** One key. Narrow screens show role, environment and use below its name. */
export function KeyRow({ apiKey, mayRevoke }: KeyRowProps) {
  const { name, createdBy, createdAt, lastUsedAt } = apiKey
  const isUsable = keyState(apiKey, Date.now()) === 'usable'
  return (
    <tr class={isUsable ? '' : css.ended}>
      <td class={css.nameCell}>
        <strong class={css.name}>{name}</strong>
        <p class={css.note}>
          created <Time at={createdAt} /> by {createdBy}
        </p>
        <p class={css.narrow}>
          <Role apiKey={apiKey} /> <Scope apiKey={apiKey} /> · <LastUse at={lastUsedAt} />
        </p>
      </td>
      <td class={css.wide}>
        <Role apiKey={apiKey} />
      </td>
      <td class={css.wide}>
        <Scope apiKey={apiKey} />
      </td>
      <td class={css.wide}>{lastUsedAt === null ? 'never' : <Time at={lastUsedAt} />}</td>
      <td class={isUsable ? css.wide : ''}>
        <End apiKey={apiKey} />
      </td>
      <td class={css.action}>{isUsable && mayRevoke && <Revoke apiKey={apiKey} />}</td>
    </tr>
  )
}

const labelOf = (role: Key['role']) => ROLES.find((each) => each.role === role)?.label ?? role

const Role = ({ apiKey: { role } }: { readonly apiKey: Key }) => (
  <Badge tone={role === 'admin' ? 'warn' : role === 'editor' ? 'accent' : 'plain'}>{labelOf(role)}</Badge>
)

const Scope = ({ apiKey: { environment } }: { readonly apiKey: Key }) => (
  <span class={css.scope}>{environment ? `${environment.project} / ${environment.environment}` : 'all projects'}</span>
)

const LastUse = ({ at }: { readonly at: string | null }) =>
  at === null ? (
    <>never used</>
  ) : (
    <>
      used <Time at={at} />
    </>
  )

function End({ apiKey }: { readonly apiKey: Key }) {
  const { revokedAt, expiresAt } = apiKey
  if (revokedAt !== null)
    return (
      <Badge tone="bad" icon="ban">
        revoked <Time at={revokedAt} />
      </Badge>
    )
  if (expiresAt === null) return <>never</>
  if (keyState(apiKey, Date.now()) === 'usable') return <Time at={expiresAt} />
  return (
    <Badge tone="bad" icon="clock">
      expired <Time at={expiresAt} />
    </Badge>
  )
}

function Revoke({ apiKey: { id, name, lastUsedAt } }: { readonly apiKey: Key }) {
  const [isAsking, setAsking] = useState(false)
  const button = useRef<HTMLSpanElement>(null)
  const queries = useQueryClient()
  const { run, isBusy, error } = useWrite(async () => {
    await call('DELETE /api/v1/keys/{id}', { path: { id } })
    showToast(`Key ${name} is revoked`)
    setAsking(false)
    focusContent()
    await queries.invalidateQueries({ queryKey: queryKeys.keys })
  })
  return (
    <span ref={button} tabIndex={-1} class={css.anchor}>
      <Button size="small" aria-label={`Revoke ${name}`} aria-expanded={isAsking} onClick={() => setAsking(true)}>
        Revoke
      </Button>
      {isAsking && (
        <Popover anchor={button} label={`Revoke ${name}`} onClose={() => setAsking(false)}>
          <div class={css.confirm}>
            <p>
              Requests with <strong>{name}</strong> are refused at once. This cannot be undone.
            </p>
            <p class={css.note}>
              <LastUse at={lastUsedAt} />
            </p>
            <FormError text={error?.message} />
            <div class={css.confirmActions}>
              <Button size="small" onClick={() => setAsking(false)}>
                Keep
              </Button>
              <Button size="small" kind="danger" data-autofocus="" disabled={isBusy} onClick={run}>
                Revoke
              </Button>
            </div>
          </div>
        </Popover>
      )}
    </span>
  )
}
