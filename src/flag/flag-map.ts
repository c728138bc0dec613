import { type CompiledFlag, compileText, type FlagSetScope, textOf } from './compile.ts'

/** A read-only map whose entries are derived from other data. */
abstract class DerivedMap<V extends object> implements ReadonlyMap<string, V> {
  abstract readonly size: number
  abstract get(key: string): V | undefined
  abstract entries(): Generator<[string, V], undefined, unknown>

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  *keys(): Generator<string, undefined, unknown> {
    for (const [key] of this.entries()) yield key
  }

  *values(): Generator<V, undefined, unknown> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): Generator<[string, V], undefined, unknown> {
    return this.entries()
  }

  forEach(callback: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this)
  }
}

const REMOVED = Symbol('removed')
/** A layer is merged into its base when it grows beyond this share of it. */
const LAYER_SHARE = 0.01

/**
 * Returns `map` with `changes` applied (undefined removes an entry); neither is changed. A large map is not copied for each
 * change, which would take longer than compiling the changed flag; a lookup then reads two maps.
 */
export function patchMap<V extends object>(
  map: ReadonlyMap<string, V>,
  changes: ReadonlyMap<string, V | undefined>,
): ReadonlyMap<string, V> {
  const [base, before] = map instanceof LayeredMap ? [map.base, map.layer] : [map, undefined]
  const layer = new Map<string, V | typeof REMOVED>(before)
  for (const [key, value] of changes) layer.set(key, value ?? REMOVED)
  const layered = new LayeredMap<V>(base, layer)
  return layer.size > base.size * LAYER_SHARE ? new Map(layered) : layered
}

class LayeredMap<V extends object> extends DerivedMap<V> {
  readonly base: ReadonlyMap<string, V>
  readonly layer: ReadonlyMap<string, V | typeof REMOVED>
  readonly size: number

  constructor(base: ReadonlyMap<string, V>, layer: ReadonlyMap<string, V | typeof REMOVED>) {
    super()
    this.base = base
    this.layer = layer
    let size = base.size
    for (const [key, value] of layer) size += Number(value !== REMOVED) - Number(base.has(key))
    this.size = size
  }

  get(key: string): V | undefined {
    const value = this.layer.get(key)
    if (value === undefined) return this.base.get(key)
    return value === REMOVED ? undefined : value
  }

  /** In the order of the base, then the added entries. */
  *entries(): Generator<[string, V], undefined, unknown> {
    for (const key of this.base.keys()) {
      const value = this.get(key)
      if (value !== undefined) yield [key, value]
    }
    for (const [key, value] of this.layer) if (value !== REMOVED && !this.base.has(key)) yield [key, value]
  }
}

/** Flags as text: one line `[key, definition]` for each, after a line break. JSON text contains no line breaks of its own. */
export type SerializedFlags = { readonly lines: string; readonly size: number }

const lines = new WeakMap<CompiledFlag, string>()

/** The line of one flag. Cached, because serializing 10,000 flags for each change would block the event loop too long. */
export function lineOf(flag: CompiledFlag): string {
  const cached = lines.get(flag) ?? `${startOf(flag.key)}${textOf(flag)}]`
  lines.set(flag, cached)
  return cached
}

/** The start of a flag's line, which no other line has. */
const startOf = (key: string): string => `\n[${JSON.stringify(key)},`

/** A search takes longer than a lookup in a map, but building the map takes much longer than a few searches. */
const SEARCHES_MAX = 16

/**
 * The flags of a serialized set. A replica that has just started evaluates few of its flags, and splitting a thousand lines
 * takes longer than finding one. All lines are split when all flags, an unknown flag, or many flags are requested.
 */
export class LazyFlagMap extends DerivedMap<CompiledFlag> {
  readonly size: number
  readonly #lines: string
  readonly #scope: FlagSetScope
  #flags = new Map<string, CompiledFlag>()
  #isComplete = false

  constructor({ lines, size }: SerializedFlags, scope: FlagSetScope) {
    super()
    this.size = size
    this.#lines = lines
    this.#scope = scope
  }

  get(key: string): CompiledFlag | undefined {
    const cached = this.#flags.get(key)
    if (cached !== undefined || this.#isComplete) return cached
    const found = this.#flags.size < SEARCHES_MAX ? this.#search(key) : undefined
    return found ?? this.#complete().get(key)
  }

  *entries(): Generator<[string, CompiledFlag], undefined, unknown> {
    yield* this.#complete()
  }

  #search(key: string): CompiledFlag | undefined {
    const start = startOf(key)
    const at = this.#lines.indexOf(start)
    if (at < 0) return undefined
    const end = this.#lines.indexOf('\n', at + start.length)
    const text = this.#lines.slice(at + start.length, end < 0 ? -1 : end - 1)
    const flag = compileText(key, text, this.#scope)
    this.#flags.set(key, flag)
    return flag
  }

  #complete(): ReadonlyMap<string, CompiledFlag> {
    if (this.#isComplete) return this.#flags
    const all = new Map<string, CompiledFlag>()
    for (const line of this.#lines.split('\n').slice(1)) {
      const { key, text } = partsOf(line)
      all.set(key, this.#flags.get(key) ?? compileText(key, text, this.#scope))
    }
    this.#flags = all
    this.#isComplete = true
    return all
  }
}

/** The key ends at the first unescaped quote after the opening one. */
function partsOf(line: string): { readonly key: string; readonly text: string } {
  const [quoted = '""'] = /^\[("(?:[^"\\]|\\.)*")/.exec(line)?.slice(1) ?? []
  return { key: JSON.parse(quoted), text: line.slice(quoted.length + 2, -1) }
}
