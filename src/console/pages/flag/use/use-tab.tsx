import { useQuery } from '@tanstack/preact-query'
import type { Definition } from '../../../../flag/definition.ts'
import { sessionQuery } from '../../../api/queries.ts'
import type { FlagPlace, ValueType } from '../queries.ts'
import { Received } from './received.tsx'
import { KEY_PLACEHOLDER, type SnippetTarget } from './snippet.ts'
import { UsePanel } from './use-panel.tsx'

type UseTabProps = { readonly place: FlagPlace; readonly type: ValueType; readonly definition: Definition }

/** The snippets for this flag at the address that the console was opened at. Without sessions, no key is needed. */
export function UseTab({ place, type, definition }: UseTabProps) {
  const session = useQuery(sessionQuery())
  const isSecure = location.protocol === 'https:'
  const target: SnippetTarget = {
    flagKey: place.key,
    type,
    fallback: fallbackOf(type, definition),
    host: location.hostname,
    port: Number(location.port) || (isSecure ? 443 : 80),
    isSecure,
    apiKey: session.data === null ? undefined : KEY_PLACEHOLDER,
    flagSetId: `${place.project}/${place.environment}`,
  }
  return (
    <>
      <Received place={place} />
      <UsePanel target={target} />
    </>
  )
}

/** The value that changes nothing if the service cannot be reached: `false`, or that of the default variant. */
function fallbackOf(type: ValueType, { variants, defaultVariant }: Definition): SnippetTarget['fallback'] {
  if (type === 'boolean') return false
  const value = defaultVariant ? variants[defaultVariant] : undefined
  if (type === 'string') return typeof value === 'string' ? value : ''
  return typeof value === 'number' ? value : 0
}
