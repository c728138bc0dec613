import { useEffect, useMemo, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { MatrixEnvironment } from '../../api/matrix.ts'
import { read, write } from '../../app/preferences.ts'
import { type FlagSort, SORTS } from './filter.ts'

const SAVED_MS = 250
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
