import { useQuery } from '@tanstack/preact-query'
import { useEffect, useState } from 'preact/hooks'
import { environmentsQuery, matrixQuery } from '../../api/queries.ts'
import { Button } from '../../parts/controls/button.tsx'
import { Combobox } from '../../parts/controls/combobox.tsx'
import { SelectField, TextField } from '../../parts/controls/field.tsx'
import { localTime, timeOf } from '../../parts/display/local-time.ts'
import { type ChangeFilters, type FilterChange, SUBJECTS, searchOf } from './filters.ts'
import type { ChangeEntry } from './text.ts'
import * as css from './toolbar.module.css'

type ToolbarProps = {
  readonly project: string
  readonly filters: ChangeFilters
  /** The entries that are loaded: their flags and authors are offered. */
  readonly entries: readonly ChangeEntry[]
  readonly onFilter: (changed: FilterChange) => void
  readonly onClear: () => void
}

/** The filters of the record. */
export function Toolbar({ project, filters, entries, onFilter, onClear }: ToolbarProps) {
  const { data: environments = [] } = useQuery(environmentsQuery(project))
  // What the list of flags has loaded already; it is not worth a request.
  const { data: matrix } = useQuery({ ...matrixQuery(project), enabled: false })
  const flags = [...(matrix?.flags.map(({ key }) => key) ?? []), ...entries.flatMap(({ flag }) => flag ?? [])]
  const actors = entries.map(({ actor }) => actor)
  const orNone = (value: string) => (value === '' ? undefined : value)
  return (
    <search class={css.toolbar}>
      <TextFilter label="Flag" value={filters.flag} choices={flags} onCommit={(flag) => onFilter({ flag })} />
      <SelectField
        label="Environment"
        value={filters.environment ?? ''}
        onChange={(event) => onFilter({ environment: orNone(event.currentTarget.value) })}
      >
        <option value="">All</option>
        {environments.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </SelectField>
      <SelectField
        label="About"
        value={filters.subject ?? ''}
        onChange={({ currentTarget: { value } }) =>
          onFilter({ subject: SUBJECTS.find(({ subject }) => subject === value)?.subject })
        }
      >
        <option value="">Everything</option>
        {SUBJECTS.map(({ subject, label }) => (
          <option key={subject} value={subject}>
            {label}
          </option>
        ))}
      </SelectField>
      <TextFilter label="Author" value={filters.actor} choices={actors} onCommit={(actor) => onFilter({ actor })} />
      <TimeFilter label="From" value={filters.from} onCommit={(from) => onFilter({ from })} />
      <TimeFilter label="Until" value={filters.to} onCommit={(to) => onFilter({ to })} />
      {searchOf(filters) !== '' && (
        <Button kind="quiet" icon="close" onClick={onClear}>
          Clear
        </Button>
      )}
    </search>
  )
}

type FilterProps = {
  readonly label: string
  readonly value: string | undefined
  readonly onCommit: (value: string | undefined) => void
}

const COMMIT_MS = 400

/** A filter that applies when typing pauses. */
function TextFilter({ label, value = '', choices, onCommit }: FilterProps & { readonly choices: readonly string[] }) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text === value) return
    const timer = setTimeout(() => onCommit(text === '' ? undefined : text), COMMIT_MS)
    return () => clearTimeout(timer)
  }, [text])
  const offered = [...new Set(choices)].sort().map((choice) => ({ value: choice }))
  return <Combobox label={label} value={text} choices={offered} placeholder="All" onInput={setText} />
}

/** A filter that applies when the date and time are complete. */
function TimeFilter({ label, value, onCommit }: FilterProps) {
  return (
    <TextField
      label={label}
      type="datetime-local"
      value={value === undefined ? '' : localTime(Date.parse(value))}
      onChange={({ currentTarget }) => {
        const time = timeOf(currentTarget.value)
        onCommit(time === undefined ? undefined : new Date(time).toISOString())
      }}
    />
  )
}
