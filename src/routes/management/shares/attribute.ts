import * as v from 'valibot'
import { FlagError } from '../../../flag/error.ts'
import { text } from '../schemas.ts'

/** The attribute that users are distributed by. */
export const Attribute = v.pipe(
  text(256),
  v.minLength(1),
  v.check((name) => name !== '$flagd' && !name.startsWith('$flagd.'), 'must be an attribute of users'),
  v.description(
    'The attribute that users are distributed by (targetingKey); users without it, or with one that is no text, are not in',
  ),
)
/** Name of a group or holdout. */
export const SharesKey = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'must be 1 to 64 of a-z, 0-9 and "-", with no "-" at the ends'),
  v.description('Unique in its environment'),
)

/** Fails with `conflict` if users are distributed by another attribute than before, which moves all of them, and that is not wanted. */
export function refuseOtherAttribute(before: { readonly by: string } | undefined, by: string, move: boolean): void {
  if (before && by !== before.by && !move)
    throw new FlagError('conflict', `Another attribute than "${before.by}" moves all users; "move": true allows it`)
}
