import { FlagError } from '../../flag/error.ts'
import { decode } from '../paths.ts'
import { answerFor } from './answer.ts'
import type { Kind } from './visit.ts'

/** One flag, as server providers ask. */
export const single: Kind = {
  reply({ segment, heads: { answer: head } }, question) {
    const key = decode(segment)
    if (key === undefined) throw new FlagError('invalid', 'invalid flag key: not percent-encoded UTF-8 without NUL')
    const { status, body } = answerFor(key, question)
    return { status, head, own: undefined, body }
  },
}
