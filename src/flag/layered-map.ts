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
