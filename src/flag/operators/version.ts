import { type Compiler, type Expression, isScalar, type Operator } from '../expression.ts'
import { compareVersions, parseVersion, type Version } from '../version.ts'

type Test = (left: Version, right: Version) => boolean

/** What `sem_ver` can ask: orders, `^` for the same major and `~` for the same major and minor version. */
export const VERSION_TESTS: ReadonlyMap<unknown, Test> = new Map<string, Test>([
  ['=', (left, right) => compareVersions(left, right) === 0],
  ['!=', (left, right) => compareVersions(left, right) !== 0],
  ['<', (left, right) => compareVersions(left, right) < 0],
  ['<=', (left, right) => compareVersions(left, right) <= 0],
  ['>', (left, right) => compareVersions(left, right) > 0],
  ['>=', (left, right) => compareVersions(left, right) >= 0],
  ['^', (left, right) => left.major === right.major],
  ['~', (left, right) => left.major === right.major && left.minor === right.minor],
])

/** `sem_ver`: `[version, test, version]`; null unless there are exactly three operands and all make sense. */
export const semVer: Operator = (operands, compiler) => {
  if (operands.length !== 3) return () => null
  const [first, asked, second] = operands
  const left = compileVersion(first, compiler)
  const test = compiler.compile(asked)
  const right = compileVersion(second, compiler)
  const known = VERSION_TESTS.get(asked)
  if (known !== undefined) return compareBy(known, left, right)
  if (isScalar(asked)) return () => null
  return (data, frame) => {
    const found = VERSION_TESTS.get(test(data, frame))
    return found === undefined ? null : compareBy(found, left, right)(data, frame)
  }
}

type Versions = (...operands: Parameters<Expression>) => Version | undefined

function compareBy(test: Test, left: Versions, right: Versions): Expression {
  return (data, frame) => {
    const first = left(data, frame)
    const second = right(data, frame)
    return first === undefined || second === undefined ? null : test(first, second)
  }
}

/** A version that stands in the rule is parsed once, here. */
function compileVersion(operand: unknown, compiler: Compiler): Versions {
  const part = compiler.compile(operand)
  if (!isScalar(operand)) return (data, frame) => toVersion(part(data, frame))
  const version = toVersion(operand)
  return () => version
}

function toVersion(value: unknown): Version | undefined {
  if (typeof value === 'string') return parseVersion(value)
  return typeof value === 'number' ? parseVersion(String(value)) : undefined
}
