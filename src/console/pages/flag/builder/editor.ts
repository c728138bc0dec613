import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { JsonPath, TextEdit } from '../../../rules/text.ts'
import type { AttributeValues } from '../queries.ts'

/** Makes the edits of one change from the text as it is now. */
export type EditOf = (text: string) => readonly TextEdit[]

/** What the parts of the builder share: the words they offer, and how they change the text. */
export type RuleEditor = {
  /** Names of variants, in the order of the definition. */
  readonly variants: readonly string[]
  readonly segments: readonly string[]
  /** Attributes that the rules of the project read. */
  readonly attributes: readonly string[]
  /** What the rules of the project compare an attribute with. */
  readonly values: AttributeValues
  /** The variant that a new rule gives. */
  readonly newVariant: string | null
  readonly isReadOnly: boolean
  /** What is wrong at this place, as the service says it. */
  readonly mistakesAt: (path: JsonPath) => readonly string[]
  /** The rule of a segment in words. */
  readonly segmentText: (name: string) => string | undefined
  /** Makes the condition at a path a new segment, to which the rule then refers. Undefined where this is not offered. Throws ApiError. */
  readonly extractSegment?: (path: JsonPath, name: string) => Promise<void>
  /** Makes one change. Changes of the same `label` right after each other are one step of undo. */
  readonly apply: (edit: EditOf, label: string) => void
}

const Context = createContext<RuleEditor | undefined>(undefined)

export const RuleEditorProvider = Context.Provider

/** The editor around this part; throws outside of one. */
export function useRuleEditor(): RuleEditor {
  const editor = useContext(Context)
  if (editor) return editor
  throw new Error('There is no rule editor around this part')
}

/** Whether `path` lies at or below `outer`. */
export const isWithin = (path: JsonPath, outer: JsonPath): boolean =>
  outer.length <= path.length && outer.every((step, index) => String(step) === String(path[index]))

/** A path as text, for keys and ids. */
export const idOf = (path: JsonPath): string => path.map((step) => String(step).replace(/[^\w-]/g, '_')).join('.')
