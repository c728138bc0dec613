import type { Matrix, MatrixCell, MatrixFlag } from '../../api/matrix.ts'
import type { IconName } from '../../parts/display/icon.tsx'
import { paths } from '../paths.ts'

/** One line of the palette: a link, or a switch of a flag. */
export type Command = {
  readonly id: string
  readonly label: string
  readonly note: string
  readonly icon: IconName
} & ({ readonly href: string } | { readonly toggle: PaletteToggle })

/** A switch of a flag; `question` where the environment is protected. */
type PaletteToggle = {
  readonly name: { readonly project: string; readonly environment: string; readonly flag: string }
  readonly cell: MatrixCell
  readonly isWantedOn: boolean
  readonly question: string | undefined
}

const FLAGS_MAX = 8
const SWITCHED_MAX = 2
const TURN = /^(?:turn|switch)\s+(on|off)\s+(\S*)(?:\s+in\s+(\S*))?$/i
const WHY = /^why\s+(\S+)(?:\s+(.+))?$/i

/** What a text may mean: "why new-checkout ada", "turn off new-checkout in production", or a part of the name of a flag or page. */
export function commandsFor(text: string, matrix: Matrix | undefined, project: string | undefined): Command[] {
  const wanted = text.trim()
  const turn = TURN.exec(wanted)
  if (turn && matrix) return turning(matrix, turn)
  const why = WHY.exec(wanted)
  if (why && matrix) return explaining(matrix, why)
  const flags = matchingFlags(matrix, wanted.toLowerCase())
  const pages = pagesOf(project).filter(({ label }) => label.toLowerCase().includes(wanted.toLowerCase()))
  if (wanted === '') return [...pages, ...flags.slice(0, FLAGS_MAX).map(toFlag(matrix))]
  const switches = matrix ? flags.slice(0, SWITCHED_MAX).flatMap((flag) => switchesOf(matrix, flag)) : []
  return [...flags.slice(0, FLAGS_MAX).map(toFlag(matrix)), ...pages, ...switches]
}

const pagesOf = (project: string | undefined): Command[] => {
  const pages: [string, IconName, string][] = [
    ...(project === undefined
      ? []
      : ([
          ['Flags', 'flag', paths.flags(project)],
          ['Segments', 'segments', paths.segments(project)],
          ['Compare', 'compare', paths.compare(project)],
          ['Changes', 'changes', paths.changes(project)],
        ] satisfies [string, IconName, string][])),
    ['Keys', 'key', paths.keys()],
    ['Settings', 'settings', paths.settings()],
    ['Welcome: samples and import', 'sparkles', paths.welcome()],
  ]
  return pages.map(([label, icon, href]) => ({ id: href, label, note: 'Page', icon, href }))
}

/** Flags whose key contains the text, those that begin with it first. */
function matchingFlags(matrix: Matrix | undefined, text: string): MatrixFlag[] {
  const found = (matrix?.flags ?? []).filter(
    ({ key, archivedAt }) => archivedAt === null && key.toLowerCase().includes(text),
  )
  return found.sort((one, other) => one.key.toLowerCase().indexOf(text) - other.key.toLowerCase().indexOf(text))
}

const toFlag =
  (matrix: Matrix | undefined) =>
  ({ key }: MatrixFlag): Command => {
    const href = paths.flag(matrix?.project ?? '', key)
    return { id: href, label: key, note: 'Flag', icon: 'flag', href }
  }

/** The switches of a flag in each environment where it is defined. */
function switchesOf({ project, environments }: Matrix, flag: MatrixFlag): Command[] {
  return environments.flatMap((environment) => {
    const cell = flag.environments[environment.key]
    if (!cell || cell.state === 'absent') return []
    const isWantedOn = cell.state !== 'on' && cell.state !== 'partial'
    const label = `Switch ${isWantedOn ? 'on' : 'off'} ${flag.key} in ${environment.name}`
    const name = { project, environment: environment.key, flag: flag.key }
    const question = environment.protected ? `${label}?` : undefined
    const icon = isWantedOn ? 'play' : 'pause'
    return [{ id: label, label, note: `Now: ${cell.served}`, icon, toggle: { name, cell, isWantedOn, question } }]
  })
}

function turning(matrix: Matrix, [, word, key = '', environment = '']: RegExpExecArray): Command[] {
  const flags = matchingFlags(matrix, key.toLowerCase()).slice(0, FLAGS_MAX)
  const commands = flags.flatMap((flag) => switchesOf(matrix, flag))
  return commands.filter((command) => {
    if (!('toggle' in command)) return false
    const { isWantedOn, name } = command.toggle
    return isWantedOn === (word?.toLowerCase() === 'on') && name.environment.startsWith(environment.toLowerCase())
  })
}

function explaining(matrix: Matrix, [, key = '', user = '']: RegExpExecArray): Command[] {
  return matchingFlags(matrix, key.toLowerCase())
    .slice(0, FLAGS_MAX)
    .map((flag) => {
      const query = new URLSearchParams({ tab: 'explain', ...(user !== '' && { user }) })
      const href = `${paths.flag(matrix.project, flag.key)}?${query}`
      return {
        id: href,
        label: `Why ${flag.key}${user === '' ? '' : ` for ${user}`}`,
        note: 'Explain',
        icon: 'help',
        href,
      }
    })
}
