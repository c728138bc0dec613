import { Button } from '../../parts/controls/button.tsx'
import { Empty } from '../../parts/display/empty.tsx'
import { FIRST_DEFINITIONS } from '../flags/flag-writes.ts'
import type { FlagPlace, ValueType } from './queries.ts'
import { useSave } from './save/use-save.ts'

type AbsentDefinitionProps = { readonly place: FlagPlace; readonly type: ValueType; readonly isReadOnly: boolean }

/** What stands where the flag has no definition in the environment: applications use the default in their code. */
export function AbsentDefinition({ place, type, isReadOnly }: AbsentDefinitionProps) {
  const { save, isSaving } = useSave(place, () => undefined)
  const definition = { state: 'ENABLED', ...FIRST_DEFINITIONS[type] }
  const add = () => void save({ definition, etag: undefined, comment: '' })
  return (
    <Empty
      icon="flag"
      title={`Not defined in ${place.environment}`}
      action={
        !isReadOnly && (
          <Button kind="primary" icon="plus" disabled={isSaving} onClick={add}>
            Define it here
          </Button>
        )
      }
    >
      Applications use the default in their code. A new definition serves off to everyone.
    </Empty>
  )
}
