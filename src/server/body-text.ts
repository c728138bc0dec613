import { isUtf8 } from 'node:buffer'
import { FlagError } from '../flag/error.ts'

/** What decoders write for bytes that are no UTF-8. */
const REPLACEMENT = '\ufffd'
/** What decoders of web bodies pass over. */
const BYTE_ORDER_MARK = '\ufeff'

/** The text of a body that lies in these bytes; undefined for what is no UTF-8. Bytes are only looked at again where a text looks like that. */
export function textOf(bytes: Buffer, from = 0, to = bytes.byteLength): string | undefined {
  const text = bytes.toString('utf8', from, to)
  if (text.includes(REPLACEMENT) && !isUtf8(bytes.subarray(from, to))) return undefined
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
}

export const tooLarge = (): FlagError => new FlagError('too_large', 'request body too large')
