import { useQuery } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { keysQuery, sessionQuery } from '../../api/queries.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { Button } from '../../parts/controls/button.tsx'
import { CheckField } from '../../parts/controls/field.tsx'
import { Empty, Spinner } from '../../parts/display/empty.tsx'
import { Table } from '../../parts/display/table.tsx'
import { grantableRoles, type Key, keyState } from './keys.ts'
import { NewKey } from './new-key.tsx'
import * as css from './page.module.css'
import { KeyRow } from './row.tsx'

const COLUMNS = ['Name', 'Role', 'Environment', 'Last used', 'Expires', '']

/** `/console/keys` */
export function KeysPage() {
  const { data: keys, error, refetch } = useQuery(keysQuery())
  const { data: session } = useQuery(sessionQuery())
  const [isCreating, setCreating] = useState(false)
  const roles = session === undefined ? [] : grantableRoles(session?.role)
  const mayChange = roles.length > 0
  const create = mayChange && (
    <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
      New key
    </Button>
  )
  return (
    <Page
      title="Keys"
      lead="Applications, providers and people call the service with a key. Its secret is shown once, when it is created."
      actions={create}
    >
      {error && <LoadFailure error={error} onRetry={() => void refetch()} />}
      {!error && !keys && <Spinner />}
      {keys && <KeyList keys={keys} mayChange={mayChange} />}
      {isCreating && <NewKey roles={roles} onClose={() => setCreating(false)} />}
    </Page>
  )
}

function KeyList({ keys, mayChange }: { readonly keys: readonly Key[]; readonly mayChange: boolean }) {
  const [isAll, setAll] = useState(false)
  const now = Date.now()
  const usable = keys.filter((key) => keyState(key, now) === 'usable')
  const ended = keys.length - usable.length
  const shown = isAll ? keys : usable
  return (
    <>
      {ended > 0 && (
        <CheckField
          label={`Show revoked and expired keys (${ended})`}
          checked={isAll}
          onChange={() => setAll(!isAll)}
        />
      )}
      {shown.length === 0 ? (
        <Empty icon="key" title={keys.length === 0 ? 'No keys yet' : 'No key works at present'}>
          A client key lets an application evaluate the flags of one environment.
        </Empty>
      ) : (
        <div class={css.keys}>
          <Table label="Keys" columns={COLUMNS}>
            {shown.map((key) => (
              <KeyRow key={key.id} apiKey={key} mayRevoke={mayChange} />
            ))}
          </Table>
        </div>
      )}
    </>
  )
}
