import * as v from 'valibot'
import { type CompiledFlag, textOf } from '../flag/compile.ts'
import { compileFlagSet } from '../flag/flagset.ts'
import type { Copy } from '../store/copies.ts'
import type { Snapshot } from './snapshot.ts'

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

const Head = v.object({
  id: v.pipe(v.string(), v.digits()),
  changedAt: v.pipe(v.string(), v.isoTimestamp()),
  changedIn: v.string(),
  bucketing: v.picklist(['v1', 'v2', 'v3']),
  segments: v.custom<Record<string, unknown>>(isObject),
  metadata: v.custom<Record<string, string>>(isObject),
  flags: v.number(),
})
/** The key of a line, as JSON text, where nothing in it is escaped. */
const KEY_START = '["'

/**
 * A snapshot as text for other replicas: its definitions, since compiled rules are closures. One line about the set and how many flags
 * it has, then one for each flag: JSON has no line breaks of its own. The line of a flag is written once: to write 10,000 for each
 * change would stop the event loop for longer than anybody should wait.
 */
export function writeSnapshot({ id, changedAt, changedIn, flagSet }: Snapshot): string {
  const { bucketing, segments, metadata, flags } = flagSet
  const head = { id: String(id), changedAt, changedIn, bucketing, segments, metadata, flags: flags.size }
  const lines = [JSON.stringify(head)]
  for (const flag of flags.values()) lines.push(lineOf(flag))
  return lines.join('\n')
}

const lines = new WeakMap<CompiledFlag, string>()

function lineOf(flag: CompiledFlag): string {
  const known = lines.get(flag) ?? `[${JSON.stringify(flag.key)},${textOf(flag)}]`
  lines.set(flag, known)
  return known
}

/**
 * The snapshot that `writeSnapshot` wrote; undefined when it was not that, as by a replica of another version. Definitions are left
 * unread, since who has just started is asked for few of them: to read a thousand takes longer than to answer.
 */
export function readSnapshot(flagSetId: string, { stamp, text }: Copy): Snapshot | undefined {
  const end = text.indexOf('\n')
  const head = v.safeParse(v.pipe(v.string(), v.parseJson(), Head), end < 0 ? text : text.slice(0, end))
  if (!head.success) return undefined
  const { id, changedAt, changedIn, flags, ...settings } = head.output
  const texts = textsIn(text, end)
  if (texts?.size !== flags) return undefined
  const version = { flagSetId, ...stamp, id: BigInt(id), changedAt: new Date(changedAt), changedIn }
  return { ...version, flagSet: compileFlagSet({ ...settings, flags: NONE, texts }) }
}

const NONE: ReadonlyMap<string, never> = new Map<string, never>()

/** The definitions of the lines after `end`, by key; undefined when one of them is no flag. */
function textsIn(text: string, end: number): Map<string, string> | undefined {
  const texts = new Map<string, string>()
  let start = end < 0 ? text.length : end + 1
  while (start < text.length) {
    const found = text.indexOf('\n', start)
    const stop = found < 0 ? text.length : found
    const keyEnd = keyEndIn(text, start)
    if (!text.startsWith(KEY_START, start) || keyEnd >= stop) return undefined
    const key = keyOf(text.slice(start + KEY_START.length, keyEnd))
    if (key === undefined) return undefined
    texts.set(key, text.slice(keyEnd + 2, stop - 1))
    start = stop + 1
  }
  return texts
}

/** A key without its escapes; undefined when it is none. */
function keyOf(written: string): string | undefined {
  if (!written.includes('\\')) return written
  try {
    return JSON.parse(`"${written}"`)
  } catch {
    return undefined
  }
}

/** Where the quote stands that ends the key of the line at `start`: the first that is not escaped. */
function keyEndIn(text: string, start: number): number {
  let end = text.indexOf('"', start + KEY_START.length)
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0
  while (text[at - 1 - slashes] === '\\') slashes += 1
  return slashes % 2 === 1
}
