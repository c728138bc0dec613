import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { Matrix, MatrixEnvironment } from '../../../api/matrix.ts'
import { read, write } from '../../../app/preferences.ts'
import { announce } from '../../../parts/overlays/toast.tsx'
import { changedCells, isOwnWrite } from '../foreign-changes.ts'
import { type FlagSort, SORTS } from './filter.ts'

const SAVED_MS = 250
const CHANGED_MS = 2_000
const SAID_MAX = 3
const NARROW = matchMedia('(max-width: 719px)')

/** The query, order and columns of the list. They stand in the URL, so that a link shows the same; the columns are remembered as well. */
export function useView(environments: readonly MatrixEnvironment[]) {
  const { query } = useLocation()
  const [text, onText] = useState(query['q'] ?? '')
  const [sort, onSort] = useState<FlagSort>(sortOf(query['sort']))
  const [columns, onShown] = useState(query['env'] ?? read('columns') ?? '')
  const shown = useMemo(() => shownOf(environments, columns), [environments, columns])
  useEffect(() => {
    onText(query['q'] ?? '')
    onSort(sortOf(query['sort']))
  }, [query['q'], query['sort']])
  useEffect(() => {
    const timer = setTimeout(() => {
      const given = { q: text, sort: sort === 'key' ? '' : sort, env: query['env'] === undefined ? '' : columns }
      const search = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== ''))
      history.replaceState(history.state, '', `${location.pathname}${search.size > 0 ? `?${search}` : ''}`)
    }, SAVED_MS)
    return () => clearTimeout(timer)
  }, [text, sort, columns])
  const choose = (keys: readonly string[]) => {
    write('columns', keys.join(','))
    onShown(keys.join(','))
  }
  return { text, onText, sort, onSort, shown, onShown: choose }
}

const sortOf = (name: string | undefined): FlagSort => SORTS.find((sort) => sort === name) ?? 'key'

/** The chosen environments in their order; all where none was chosen. Narrow screens show one. */
function shownOf(environments: readonly MatrixEnvironment[], columns: string): readonly MatrixEnvironment[] {
  const keys = columns.split(',')
  const chosen = environments.filter(({ key }) => keys.includes(key))
  const shown = chosen.length > 0 ? chosen : environments
  return NARROW.matches ? shown.slice(-1) : shown
}

/** The keys of the flags that others changed just now. Their changes are read out as well. */
export function useForeignChanges(matrix: Matrix): ReadonlySet<string> {
  const last = useRef(matrix)
  const [keys, setKeys] = useState<ReadonlySet<string>>(new Set())
  useEffect(() => {
    const changed = changedCells(last.current, matrix, isOwnWrite)
    last.current = matrix
    if (changed.length === 0) return
    const said = changed
      .slice(0, SAID_MAX)
      .map(({ flag, environment, served }) => `${flag} in ${environment}: ${served}`)
    announce(
      `Changed by others: ${said.join('; ')}${changed.length > SAID_MAX ? ` and ${changed.length - SAID_MAX} more` : ''}`,
    )
    setKeys(new Set(changed.map(({ flag }) => flag)))
    const timer = setTimeout(() => setKeys(new Set()), CHANGED_MS)
    return () => clearTimeout(timer)
  }, [matrix])
  return keys
}
