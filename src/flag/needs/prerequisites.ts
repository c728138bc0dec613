import type { Bucketing, Definition, SegmentRules } from '../definition.ts'
import { FlagError, type Mistake, shorten } from '../error.ts'
import { planIn } from '../plan/pair.ts'
import type { Need } from '../plan/plan.ts'
import { flagSegment, isFlagSegment } from './names.ts'
import { totalForm } from './total-form.ts'

/** An environment after a change, as far as prerequisites are concerned. */
export type NeedsScope = {
  readonly flags: ReadonlyMap<string, Definition>
  /** Without the segments of flags. */
  readonly segments: SegmentRules
  readonly bucketing: Bucketing
  /** The keys that change, and whether segments or the bucketing do. Only mistakes that the change makes count. */
  readonly changed: ReadonlySet<string>
  readonly isShared: boolean
  /** JSON Pointer of a flag. */
  readonly pointer: (key: string) => string
}

/** The prerequisites of a stored definition; empty for one without a plan. */
export const needsOf = (definition: Definition | undefined): readonly Need[] => planIn(definition)?.needs ?? []

/** The keys of the flags that a stored definition needs. */
export const neededKeys = (definition: Definition | undefined): string[] => needsOf(definition).map(({ flag }) => flag)

/** The keys of the flags that need `key`. */
export function neededBy(flags: ReadonlyMap<string, Definition>, key: string): string[] {
  return [...flags].flatMap(([other, flag]) => (neededKeys(flag).includes(key) ? [other] : []))
}

/** Fails with `in_use` while flags need `key`. */
export function refuseNeeded(flags: ReadonlyMap<string, Definition>, key: string): void {
  const users = neededBy(flags, key)
  if (users.length === 0) return
  const usedBy = {
    count: users.length,
    flags: users.slice(0, USERS_MAX).map((user) => ({ key: user, path: [] })),
    segments: [],
  }
  throw new FlagError('in_use', `Flag ${shorten(key)} is needed by ${users.slice(0, 3).map(shorten).join(', ')}`, {
    members: { usedBy },
  })
}

/** Users that one response names. */
const USERS_MAX = 1_000

type FlagSegments = {
  readonly segments: SegmentRules
  /** Cycles, and rules that cannot be needed. */
  readonly mistakes: readonly Mistake[]
  /** Prerequisites that do not exist. Their gates are closed, so that they can be allowed. */
  readonly missing: readonly Mistake[]
}

/**
 * The segments of all flags that others need, each the total form of a rule, with the mistakes of the change. Fails with `in_use` if a needed
 * flag is removed.
 */
export function segmentsOfFlags(scope: NeedsScope): FlagSegments {
  const { flags, changed } = scope
  for (const key of changed) if (!flags.has(key)) refuseNeeded(flags, key)
  const maker = new SegmentMaker(scope)
  for (const [key, flag] of flags)
    for (const [index, need] of needsOf(flag).entries()) maker.make(need.flag, [key], index)
  if (maker.cycles.length > 0) return { segments: maker.segments, mistakes: maker.cycles, missing: [] }
  const missing = [...flags].flatMap(([key, flag]) => (changed.has(key) ? missingIn(key, flag, scope) : []))
  const removed = [...flags].flatMap(([key, flag]) => (changed.has(key) ? [] : removedFrom(key, flag, scope)))
  return { segments: maker.segments, mistakes: [...maker.mistakes, ...removed], missing }
}

/** Fails with `conflict` where flags need others and the bucketing becomes v3, or was: the segments were made for the other one. */
export function refuseRebucketing(
  { segments, bucketing }: { readonly segments: SegmentRules; readonly bucketing: Bucketing },
  next: Bucketing,
): void {
  if (next === bucketing || (next !== 'v3' && bucketing !== 'v3')) return
  if (Object.keys(segments).some(isFlagSegment))
    throw new FlagError('conflict', 'Cannot change the bucketing to or from v3 while flags need other flags')
}

class SegmentMaker {
  readonly segments: Record<string, unknown> = {}
  readonly mistakes: Mistake[] = []
  readonly cycles: Mistake[] = []
  readonly #scope: NeedsScope

  constructor(scope: NeedsScope) {
    this.#scope = scope
  }

  /** Makes the segment of `key`, after those that its own rule needs. `path`: the flags that need it, the nearest last. */
  make(key: string, path: readonly string[], index: number): void {
    const { flags, segments, bucketing } = this.#scope
    const name = flagSegment(key)
    if (path.includes(key)) {
      this.#refuseCycle([...path.slice(path.indexOf(key)), key], index)
      return
    }
    if (Object.hasOwn(this.segments, name)) return
    const flag = flags.get(key)
    for (const [at, need] of needsOf(flag).entries()) this.make(need.flag, [...path, key], at)
    if (Object.hasOwn(this.segments, name)) return
    const { rule, mistakes } = totalForm(flag, { key, segments: { ...segments, ...this.segments }, bucketing })
    this.segments[name] = mistakes.length === 0 ? rule : NEVER
    this.#refuseForm(key, mistakes, { user: path.at(-1) ?? '', index })
  }

  #refuseCycle(cycle: readonly string[], index: number): void {
    const { changed, pointer, flags } = this.#scope
    // Each flag needs the next one; one of them has changed, or the cycle is an old one.
    const at = cycle.findLastIndex((key, place) => place < cycle.length - 1 && changed.has(key))
    const user = cycle[at]
    if (user === undefined) return
    const isLast = at === cycle.length - 2
    const need = isLast ? index : needsOf(flags.get(user)).findIndex(({ flag }) => flag === cycle[at + 1])
    const place = `${pointer(user)}/flagstaff/needs/${need}/flag`
    if (this.cycles.some((mistake) => mistake.pointer === place)) return
    this.cycles.push({ pointer: place, message: `Prerequisites lead back: ${cycle.join(' → ')}` })
  }

  #refuseForm(key: string, mistakes: readonly Mistake[], need: NeedPlace): void {
    const { changed, isShared } = this.#scope
    if (!changed.has(key) && !isShared && !changed.has(need.user)) return
    this.mistakes.push(...mistakes.map((mistake) => this.#placed(key, mistake, need)))
  }

  /** A mistake in the form of `key`, at what has changed: its rule, the flag that needs it, or a segment. */
  #placed(key: string, { pointer: inner, message }: Mistake, { user, index }: NeedPlace): Mistake {
    const { changed, isShared, pointer } = this.#scope
    const isInFlag = inner.startsWith('/targeting')
    const reason = `the flag is needed by ${shorten(user)}, so its rule must name its variants`
    if (changed.has(key) && isInFlag) return { pointer: pointer(key) + inner, message: `${message}; ${reason}` }
    if (changed.has(key) && !changed.has(user) && !isShared)
      return { pointer: `${pointer(key)}/targeting`, message: `At ${inner}, ${message}; ${reason}` }
    const place = changed.has(user) || !isShared ? `${pointer(user)}/flagstaff/needs/${index}/flag` : inner
    const where = isInFlag ? `its ${inner}` : inner
    return { pointer: place, message: `Flag ${shorten(key)} cannot be needed: at ${where}, ${message}` }
  }
}

/** The flag that needs another one, and the place of that among its prerequisites. */
type NeedPlace = { readonly user: string; readonly index: number }

/** The form of a flag whose own cannot be written: no variant. */
const NEVER = { if: [true, ''] }

/** Prerequisites of a changed flag on flags and variants that do not exist. */
function missingIn(key: string, flag: Definition, { flags, pointer }: NeedsScope): Mistake[] {
  return needsOf(flag).flatMap((need, index): Mistake[] => {
    const needed = flags.get(need.flag)
    const place = `${pointer(key)}/flagstaff/needs/${index}`
    if (needed === undefined)
      return [{ pointer: `${place}/flag`, message: `Flag ${shorten(need.flag)} does not exist in this environment` }]
    return goneVariants(need, needed).map((variant) => ({
      pointer: `${place}/variants/${need.variants.indexOf(variant)}`,
      message: `${shorten(variant)} is no variant of flag ${shorten(need.flag)}`,
    }))
  })
}

/** Variants that a change removes from other flags although `flag` needs them. */
function removedFrom(key: string, flag: Definition, { flags, changed, pointer }: NeedsScope): Mistake[] {
  return needsOf(flag).flatMap((need): Mistake[] => {
    const needed = flags.get(need.flag)
    if (needed === undefined || !changed.has(need.flag)) return []
    return goneVariants(need, needed).map((variant) => ({
      pointer: `${pointer(need.flag)}/variants`,
      message: `Variant ${shorten(variant)} is needed by flag ${shorten(key)}`,
    }))
  })
}

const goneVariants = ({ variants }: Need, needed: Definition): string[] =>
  variants.filter((variant) => !Object.hasOwn(needed.variants, variant))
