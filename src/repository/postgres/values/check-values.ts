import { type OutputUnit, type Schema, type SchemaDraft, Validator } from '@cfworker/json-schema'
import { checkValueSchema, partsOf, type ValueSchema } from '../../../flag/check/value-schema.ts'
import type { Definition } from '../../../flag/definition.ts'
import { type Mistake, pointerTo } from '../../../flag/error.ts'

/** Parts of the schema times parts of a value: about a second of one core. */
const COMPARISONS_MAX = 5_000_000
/** Mistakes in one value. */
const MISTAKES_MAX = 20
/** Keywords that only say that a part of the value, which has a mistake of its own, does not match. */
const OUTER = new Set([
  'properties',
  'items',
  'prefixItems',
  '$ref',
  'allOf',
  'if',
  'additionalProperties',
  'dependentSchemas',
])

/** Finds the values of variants that do not match the schema of the flag, with pointers to the places in them. */
export function checkValues(
  { variants }: Pick<Definition, 'variants'>,
  schema: ValueSchema,
  pointer: string,
): Mistake[] {
  const { parts } = checkValueSchema(schema)
  // The validator adds members to the schema that it is given.
  const validator = new Validator(structuredClone(schema) as Schema, draftOf(schema), false)
  return Object.entries(variants).flatMap(([name, value]): Mistake[] => {
    const place = pointer + pointerTo('variants', name)
    if (parts * partsOf(value) > COMPARISONS_MAX)
      return [{ pointer: place, message: 'Value is too large to be checked against the schema of the flag' }]
    return mistakesIn(validator.validate(value).errors, place)
  })
}

function mistakesIn(errors: readonly OutputUnit[], place: string): Mistake[] {
  const inner = errors.filter(({ keyword }) => !OUTER.has(keyword))
  return (inner.length > 0 ? inner : errors).slice(0, MISTAKES_MAX).map(({ instanceLocation, keyword, error }) => ({
    pointer: place + instanceLocation.slice(1),
    message: `Value does not match the schema of the flag, "${keyword === 'false' ? 'additionalProperties' : keyword}": ${error.replace(/\.$/, '')}`,
  }))
}

function draftOf({ $schema }: ValueSchema): SchemaDraft {
  const [draft] = /2019-09|2020-12|draft-07/.exec(String($schema)) ?? []
  if (draft === 'draft-07') return '7'
  return draft === '2019-09' ? draft : '2020-12'
}
