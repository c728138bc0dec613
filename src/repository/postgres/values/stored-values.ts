import { and, eq, isNotNull } from 'drizzle-orm'
import type { ValueSchema } from '../../../flag/check/value-schema.ts'
import { FlagError } from '../../../flag/error.ts'
import type { Transaction } from '../database.ts'
import { definitions } from '../tables.ts'
import { checkValues } from './check-values.ts'

type StoredValues = {
  readonly flagId: bigint
  /** The locked environments that define the flag. */
  readonly defining: readonly { readonly id: bigint; readonly key: string }[]
  readonly schema: ValueSchema | null | undefined
}

/** Refuses a schema that values of the flag do not match in an environment; pointers begin with its key. Fails with `invalid`. */
export async function checkStoredValues(tx: Transaction, { flagId, defining, schema }: StoredValues): Promise<void> {
  if (!schema) return
  const rows = await tx
    .select({ environmentId: definitions.environmentId, definition: definitions.definition })
    .from(definitions)
    .where(and(eq(definitions.flagId, flagId), isNotNull(definitions.definition)))
  const mistakes = defining.flatMap(({ id, key }) => {
    const { definition } = rows.find(({ environmentId }) => environmentId === id) ?? {}
    return definition ? checkValues(definition, schema, `/${key}`) : []
  })
  if (mistakes.length > 0)
    throw new FlagError('invalid', 'Cannot set the schema: values of the flag do not match it', { mistakes })
}
