import type { Operator } from '../expression.ts'
import { extreme, minus, pair, total } from './arithmetic.ts'
import { equality, identity, order } from './compare.ts'
import { fractional } from './fractional.ts'
import { all, filter, isIn, map, merge, none, reduce, some } from './list.ts'
import { and, conditional, isTrue, not, or } from './logic.ts'
import { affix, cat, substr } from './text.ts'
import { missing, missingSome, variable } from './variable.ts'
import { semVer } from './version.ts'

/** Every operator there is: JSONLogic's (https://jsonlogic.com/operations.html, without `log`) and flagd's four. */
export const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['var', variable],
  ['missing', missing],
  ['missing_some', missingSome],
  ['if', conditional],
  ['?:', conditional],
  ['and', and],
  ['or', or],
  ['!', not],
  ['!!', isTrue],
  ['==', equality(true)],
  ['!=', equality(false)],
  ['===', identity(true)],
  ['!==', identity(false)],
  ['<', order((left, right) => left < right)],
  ['<=', order((left, right) => left <= right)],
  ['>', order((left, right) => left > right)],
  ['>=', order((left, right) => left >= right)],
  ['+', total(0, (left, right) => left + right)],
  ['*', total(1, (left, right) => left * right)],
  ['-', minus],
  ['/', pair((left, right) => left / right)],
  ['%', pair((left, right) => left % right)],
  ['max', extreme(Math.max)],
  ['min', extreme(Math.min)],
  ['map', map],
  ['filter', filter],
  ['reduce', reduce],
  ['all', all],
  ['some', some],
  ['none', none],
  ['merge', merge],
  ['in', isIn],
  ['cat', cat],
  ['substr', substr],
  ['starts_with', affix((text, part) => text.startsWith(part))],
  ['ends_with', affix((text, part) => text.endsWith(part))],
  ['sem_ver', semVer],
  ['fractional', fractional],
])
