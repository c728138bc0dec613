import { Button } from '../../parts/controls/button.tsx'
import { Empty } from '../../parts/display/empty.tsx'
import type { FlagPlace, ValueType } from './queries.ts'
import { useSave } from './save/use-save.ts'

type AbsentDefinitionProps = { readonly place: FlagPlace; readonly type: ValueType; readonly isReadOnly: boolean }

/** What stands where the flag has no definition in the environment: applications get their own default. */
export function AbsentDefinition({ place, type, isReadOnly }: AbsentDefinitionProps) {
  const { save, isSaving } = useSave(place, () => undefined)
  const definition = { state: 'ENABLED', ...FIRST[type] }
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
      Applications use the default in their code. A new definition serves{' '}
      {type === 'boolean' ? 'off' : 'its first variant'} to everyone.
    </Empty>
  )
}

const FIRST: Readonly<Record<ValueType, { readonly variants: object; readonly defaultVariant: string }>> = {
  boolean: { variants: { on: true, off: false }, defaultVariant: 'off' },
  string: { variants: { standard: '' }, defaultVariant: 'standard' },
  number: { variants: { standard: 0 }, defaultVariant: 'standard' },
  object: { variants: { standard: {} }, defaultVariant: 'standard' },
}
