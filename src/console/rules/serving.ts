import { type Definition, isRecord, type JsonRecord } from '../../flag/definition.ts'
import { hold, release, rootOf, setOtherwise } from './edits.ts'
import { definitionOf, TARGETING } from './read.ts'
import { setWeights } from './splits.ts'
import { applyEdits, editBetween, type TextEdit } from './text.ts'
import { setDefaultVariant, setState, setTargeting } from './variants.ts'
import type { DefinitionView, OutcomeView, VariantView } from './view.ts'

/** What a flag serves, in terms of its switch. */
export type Serving =
  | { readonly kind: 'disabled' }
  /** A first rule that is always true serves one variant; null: the default variant. */
  | { readonly kind: 'held'; readonly variant: string | null }
  /** No rule: the default variant, or the default in the code (null). */
  | { readonly kind: 'constant'; readonly variant: string | null }
  | { readonly kind: 'rules' }

/** What a definition serves. */
export function servingOf({ state, held, hasRule, hasPlan, defaultVariant }: DefinitionView): Serving {
  if (state !== 'ENABLED') return { kind: 'disabled' }
  if (hasPlan) return { kind: 'rules' }
  if (held) return { kind: 'held', variant: held.variant }
  return hasRule ? { kind: 'rules' } : { kind: 'constant', variant: defaultVariant }
}

/** The position of the switch: a boolean flag without rules is on if `true` is its default, any other if it is enabled and not held. */
export function isOn(definition: DefinitionView): boolean {
  const serving = servingOf(definition)
  if (serving.kind !== 'constant') return serving.kind === 'rules'
  const onVariant = booleanVariant(definition, true)
  return onVariant === undefined || booleanVariant(definition, false) === undefined
    ? true
    : definition.variants.some(({ name, value }) => name === serving.variant && value === true)
}

/** The first variant of this boolean value. */
const booleanVariant = ({ variants }: DefinitionView, wanted: boolean): VariantView | undefined =>
  variants.find(({ value }) => value === wanted)

/** The variant that a held flag serves: `false`, otherwise the default variant. */
function offVariantOf(definition: DefinitionView): string | null {
  return booleanVariant(definition, false)?.name ?? definition.defaultVariant
}

/** The edits that switch a flag on. */
export function switchOn(text: string): TextEdit[] {
  const definition = definitionOf(rootOf(text))
  const edits = definition.state === 'ENABLED' ? [] : setState(text, 'ENABLED')
  if (definition.hasPlan) return edits
  if (definition.held) return [...edits, ...release(text, TARGETING)]
  const [on, off] = [booleanVariant(definition, true), booleanVariant(definition, false)]
  const isSwitchedByDefault = !definition.hasRule && on && off
  if (!isSwitchedByDefault || isOn({ ...definition, state: 'ENABLED' })) return edits
  return [...edits, ...setDefaultVariant(text, on.name)]
}

/** The edits that switch a flag off: by its default variant, by holding it, or by disabling it, which its plan survives. */
export function switchOff(text: string): TextEdit[] {
  const definition = definitionOf(rootOf(text))
  if (!isOn(definition)) return []
  if (definition.hasPlan) return setState(text, 'DISABLED')
  const [on, off] = [booleanVariant(definition, true), booleanVariant(definition, false)]
  if (definition.hasRule) return hold(text, TARGETING, offVariantOf(definition))
  return on && off ? setDefaultVariant(text, off.name) : setState(text, 'DISABLED')
}

/** A definition switched on or off. */
export function switched(definition: Definition, isWantedOn: boolean): Definition {
  const text = JSON.stringify(definition)
  return JSON.parse(applyEdits(text, isWantedOn ? switchOn(text) : switchOff(text)))
}

type Rollout = {
  /** From 0 to 100, with two decimals at most. */
  readonly percent: number
  /** By default the variant of `true`, otherwise the first that is not the default. */
  readonly variant?: string
  /** What all others get; by default the variant of `false`, otherwise the default variant. */
  readonly rest?: string | null
}

/**
 * The edits that serve a variant to a share of all users by their targeting key, where no rule matches. A flag that is off is
 * switched on. Undefined if users get something else there than a variant or a split of these two: it would be lost.
 */
export function rollOut(text: string, { percent, ...wanted }: Rollout): TextEdit[] | undefined {
  const enabled = applyEdits(text, definitionOf(rootOf(text)).state === 'ENABLED' ? [] : setState(text, 'ENABLED'))
  const released = applyEdits(enabled, release(enabled, TARGETING))
  const edits = splitEdits(released, percent, wanted)
  return edits && editBetween(text, applyEdits(released, edits))
}

function splitEdits(text: string, percent: number, wanted: Omit<Rollout, 'percent'>): TextEdit[] | undefined {
  const definition = definitionOf(rootOf(text))
  if (definition.hasPlan) return undefined
  const { variant, rest } = { ...rolloutVariants(definition), ...wanted }
  if (variant === undefined) return undefined
  const unit = Number.isInteger(percent) ? 1 : 100
  const weights = [Math.round(percent * unit), Math.round((100 - percent) * unit)]
  const { otherwise, rules } = definition
  if (otherwise && isSplitOf(otherwise, variant, rest)) return setWeights(text, otherwise.path, weights)
  if (otherwise && otherwise.kind !== 'result') return undefined
  const split = { fractional: [variant, rest].map((name, index) => [name, weights[index]]) }
  return rules.length === 0 ? setTargeting(text, split) : setOtherwise(text, TARGETING, split)
}

/** The variants of a quick rollout. */
export function rolloutVariants(definition: DefinitionView): { variant: string | undefined; rest: string | null } {
  const rest = offVariantOf(definition)
  const on = booleanVariant(definition, true) ?? definition.variants.find(({ name }) => name !== rest)
  return { variant: on?.name, rest }
}

function isSplitOf(outcome: OutcomeView, variant: string, rest: string | null): boolean {
  if (outcome.kind !== 'split' || outcome.by.attribute !== undefined || outcome.shares.length !== 2) return false
  const [first, second] = outcome.shares
  return first?.variant === variant && second?.variant === rest
}

/**
 * The JSON Merge Patch (RFC 7396) that changes one definition to another; undefined if there is none, because a member is null
 * where it was not.
 */
export function patchBetween(before: JsonRecord, after: JsonRecord): JsonRecord | undefined {
  const patch: Record<string, unknown> = {}
  for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch[name] = null
  for (const [name, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, name) ? before[name] : undefined
    if (JSON.stringify(old) === JSON.stringify(value)) continue
    patch[name] = patchOf(old, value)
    if (patch[name] === undefined) return undefined
  }
  return patch
}

/** Null removes a member, so that it cannot be set to null. */
function patchOf(before: unknown, after: unknown): unknown {
  if (isRecord(after)) return patchBetween(isRecord(before) ? before : {}, after)
  return after === null ? undefined : after
}
