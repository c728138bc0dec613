import { type CompiledFlag, compileText, type Surroundings, textOf } from './compile.ts'

/** Flags as text, to hand them on: a line for each, with a line break before it. JSON has none of its own. */
export type WrittenFlags = { readonly lines: string; readonly size: number }

const lines = new WeakMap<CompiledFlag, string>()

/** The line of one flag, written once: to write 10,000 for each change would stop the event loop for longer than anybody should wait. */
export function lineOf(flag: CompiledFlag): string {
  const known = lines.get(flag) ?? `${startOf(flag.key)}${textOf(flag)}]`
  lines.set(flag, known)
  return known
}

/** What the line of a flag begins with, and no other. */
const startOf = (key: string): string => `\n[${JSON.stringify(key)},`

/** Searches take longer than a look into a map, which takes longer to make: so many come before it, and none is in vain but the last. */
const SEARCHES_MAX = 16

/**
 * The flags of a set as they were written: who has just started is asked for few of them, and to take over a thousand takes longer than
 * to find one. All are taken over when somebody asks for all, for one that does not exist, or for many.
 */
export class FoundFlags implements ReadonlyMap<string, CompiledFlag> {
  readonly size: number
  readonly #lines: string
  readonly #surroundings: Surroundings
  #flags = new Map<string, CompiledFlag>()
  #isWhole = false

  constructor({ lines, size }: WrittenFlags, surroundings: Surroundings) {
    this.size = size
    this.#lines = lines
    this.#surroundings = surroundings
  }

  get(key: string): CompiledFlag | undefined {
    const known = this.#flags.get(key)
    if (known !== undefined || this.#isWhole) return known
    const found = this.#flags.size < SEARCHES_MAX ? this.#search(key) : undefined
    return found ?? this.#whole().get(key)
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  entries(): MapIterator<[string, CompiledFlag]> {
    return this.#whole().entries()
  }

  keys(): MapIterator<string> {
    return this.#whole().keys()
  }

  values(): MapIterator<CompiledFlag> {
    return this.#whole().values()
  }

  [Symbol.iterator](): MapIterator<[string, CompiledFlag]> {
    return this.entries()
  }

  forEach(visit: (flag: CompiledFlag, key: string, map: ReadonlyMap<string, CompiledFlag>) => void): void {
    for (const [key, flag] of this.entries()) visit(flag, key, this)
  }

  #search(key: string): CompiledFlag | undefined {
    const start = startOf(key)
    const at = this.#lines.indexOf(start)
    if (at < 0) return undefined
    const end = this.#lines.indexOf('\n', at + start.length)
    const text = this.#lines.slice(at + start.length, end < 0 ? -1 : end - 1)
    const flag = compileText(key, text, this.#surroundings)
    this.#flags.set(key, flag)
    return flag
  }

  #whole(): ReadonlyMap<string, CompiledFlag> {
    if (this.#isWhole) return this.#flags
    const all = new Map<string, CompiledFlag>()
    for (const line of this.#lines.split('\n').slice(1)) {
      const { key, text } = partsOf(line)
      all.set(key, this.#flags.get(key) ?? compileText(key, text, this.#surroundings))
    }
    this.#flags = all
    this.#isWhole = true
    return all
  }
}

/** A line is a list of two; its first quote that is not escaped, after that at the begin, ends the key. */
function partsOf(line: string): { readonly key: string; readonly text: string } {
  const [written = '""'] = /^\[("(?:[^"\\]|\\.)*")/.exec(line)?.slice(1) ?? []
  return { key: JSON.parse(written), text: line.slice(written.length + 2, -1) }
}

const REMOVED = Symbol('removed')
/** A layer grows to this share of the map below before the two become one map again. */
const LAYER_SHARE = 0.01

/**
 * A map with some entries replaced, added (undefined: removed). Neither argument is changed. A large map is not copied
 * for each change, as that takes longer than compiling the flag that changes; a lookup may then ask two maps.
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

class LayeredMap<V extends object> implements ReadonlyMap<string, V> {
  readonly base: ReadonlyMap<string, V>
  readonly layer: ReadonlyMap<string, V | typeof REMOVED>
  readonly size: number

  constructor(base: ReadonlyMap<string, V>, layer: ReadonlyMap<string, V | typeof REMOVED>) {
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

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  /** In the order of the map below, then what was added. */
  *entries(): Generator<[string, V], undefined, unknown> {
    for (const key of this.base.keys()) {
      const value = this.get(key)
      if (value !== undefined) yield [key, value]
    }
    for (const [key, value] of this.layer) if (value !== REMOVED && !this.base.has(key)) yield [key, value]
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

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this)
  }
}
