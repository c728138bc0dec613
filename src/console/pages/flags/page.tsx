import { useQuery, useQueryClient } from '@tanstack/preact-query'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { Matrix } from '../../api/matrix.ts'
import { matrixQuery, matrixStartQuery, refreshProject, sessionQuery } from '../../api/queries.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { paths } from '../../app/paths.ts'
import { useLetters } from '../../app/shortcuts.ts'
import { Button, LinkButton } from '../../parts/controls/button.tsx'
import { Empty, Spinner } from '../../parts/display/empty.tsx'
import { useCellActions } from './actions.ts'
import { BulkBar, sayResult } from './bulk.tsx'
import { CreateFlag } from './create.tsx'
import { changeFlags } from './flag-writes.ts'
import { FlagList } from './list/list.tsx'
import { filterFlags, parseFilter, sortFlags } from './toolbar/filter.ts'
import { Toolbar } from './toolbar/toolbar.tsx'
import { useForeignChanges, useView } from './toolbar/view.ts'

/** `/console/p/:project/flags` */
export function FlagsPage({ project }: { readonly project: string }) {
  const { data: matrix, error, refetch } = useQuery(matrixQuery(project))
  const { data: start } = useQuery(matrixStartQuery(project))
  const shown = matrix ?? start
  if (shown) return <Flags key={project} matrix={shown} isWhole={matrix !== undefined} />
  return error ? <LoadFailure error={error} onRetry={() => void refetch()} /> : <Frame project={project} />
}

/** The list before it has data. The service puts it into the page, where it is painted before the application has arrived. */
function Frame({ project }: { readonly project: string }) {
  const matrix: Matrix = { project, environments: [], flags: [] }
  return (
    <Page title="Flags" isFilled actions={<NewFlagButton isDisabled onClick={nothing} />}>
      <Toolbar {...NO_VIEW} matrix={matrix} />
      <Spinner />
    </Page>
  )
}

const nothing = () => undefined
const NO_VIEW = {
  text: '',
  onText: nothing,
  sort: 'key' as const,
  onSort: nothing,
  shown: [],
  onShown: nothing,
  me: undefined,
  found: undefined,
}

function Flags({ matrix, isWhole }: { readonly matrix: Matrix; readonly isWhole: boolean }) {
  const { project } = matrix
  const { data: session } = useQuery(sessionQuery())
  const view = useView(matrix.environments)
  const changed = useForeignChanges(matrix)
  const [isCreating, setCreating] = useState(false)
  const { selected, setSelected, actions } = useRowActions(project)
  const { text, sort, shown } = view
  const mayWrite = actions.mayChange()
  const me = session?.name
  const flags = useMemo(() => {
    const environments = shown.map(({ key }) => key)
    return sortFlags(filterFlags(matrix.flags, parseFilter(text), { me, environments }), sort)
  }, [matrix, text, sort, shown, me])
  useEffect(() => setSelected(new Set()), [text])
  useLetters({ c: () => setCreating(true), '/': focusSearch })
  const selectAll = () => setSelected(new Set(selected.size === flags.length ? [] : flags.map(({ key }) => key)))
  return (
    <Page title="Flags" isFilled actions={<NewFlagButton isDisabled={!mayWrite} onClick={() => setCreating(true)} />}>
      {matrix.flags.length === 0 ? (
        <NoFlags isDisabled={!mayWrite} onClick={() => setCreating(true)} />
      ) : (
        <>
          <Toolbar {...view} matrix={matrix} me={me} found={isWhole ? flags.length : undefined} />
          {mayWrite && selected.size > 0 && (
            <BulkBar
              matrix={matrix}
              keys={[...selected]}
              onArchive={actions.archive}
              onClear={() => setSelected(new Set())}
            />
          )}
          {flags.length === 0 ? (
            <NoMatch onClear={() => view.onText('')} />
          ) : (
            <FlagList
              project={project}
              flags={flags}
              environments={shown}
              selected={selected}
              changed={changed}
              onSelectAll={selectAll}
              actions={actions}
            />
          )}
        </>
      )}
      {isCreating && mayWrite && <NewFlag matrix={matrix} onClose={() => setCreating(false)} />}
    </Page>
  )
}

const focusSearch = () => document.querySelector<HTMLElement>('[data-search]')?.focus()

const NoMatch = ({ onClear }: { readonly onClear: () => void }) => (
  <Empty icon="filter" title="No flag matches" action={<Button onClick={onClear}>Clear the filter</Button>} />
)

/** A switch stays in the list, where it is turned on; another flag opens, because it needs values. */
function NewFlag({ matrix, onClose }: { readonly matrix: Matrix; readonly onClose: () => void }) {
  const { route } = useLocation()
  const { project, environments } = matrix
  return (
    <CreateFlag
      project={project}
      environments={environments.map(({ key }) => key)}
      onClose={onClose}
      onCreated={(key, type) => {
        if (type !== 'boolean') route(paths.flag(project, key))
      }}
    />
  )
}

type NewFlagButtonProps = { readonly isDisabled: boolean; readonly onClick: () => void }

const NewFlagButton = ({ isDisabled, onClick }: NewFlagButtonProps) => (
  <Button kind="primary" icon="plus" disabled={isDisabled} onClick={onClick}>
    New flag
  </Button>
)

const NoFlags = ({ isDisabled, onClick }: NewFlagButtonProps) => (
  <Empty
    icon="flag"
    title="No flags yet"
    action={
      <>
        <Button kind="primary" icon="plus" disabled={isDisabled} onClick={onClick}>
          Create your first flag
        </Button>
        <LinkButton href={paths.welcome()}>Load samples, or import</LinkButton>
      </>
    }
  >
    A flag decides for each user what an application does, without a new release.
  </Empty>
)

/** The selection, and what can be done with rows. */
function useRowActions(project: string) {
  const queries = useQueryClient()
  const cellActions = useCellActions()
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const actions = useMemo(() => {
    const archive = async (keys: readonly string[], archived: boolean) => {
      const failed = await changeFlags(project, keys, { archived })
      await refreshProject(queries, project)
      setSelected(new Set())
      const what = keys.length === 1 ? `${keys[0]} is` : `${keys.length - failed.length} flags are`
      sayResult(`${what} ${archived ? 'archived' : 'restored'}`, failed, () => void archive(keys, !archived))
    }
    const select = (key: string) =>
      setSelected((old) => {
        const next = new Set(old)
        if (!next.delete(key)) next.add(key)
        return next
      })
    return {
      ...cellActions,
      select,
      archive: (keys: readonly string[], isArchived: boolean) => void archive(keys, isArchived),
    }
  }, [project, queries, cellActions])
  return { selected, setSelected, actions }
}
