import type { Bucketing } from './definition.ts'

/** Which of `total` places a hash of 32 bits falls on: ⌊hash × total ÷ 2^32⌋, exact for a total below 2^31. */
export function placeOf(hash: number, total: number): number {
  // hash × total may exceed 2^53, so it is taken in two halves of 16 bits of the hash, each product below 2^47.
  const high = (hash >>> 16) * total
  const low = (hash & 0xffff) * total
  return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000)
}

/**
 * The index of the share that `hash` falls into, by weights and their sum (above 0); -1 for none.
 * v1 is flagd's before 0.15: percentages as floats, where the two largest hashes fall into no share.
 */
export function pick(hash: number, weights: readonly number[], total: number, bucketing: Bucketing): number {
  return bucketing === 'v1' ? pickPercentage(hash, weights, total) : pickPlace(placeOf(hash, total), weights)
}

function pickPlace(place: number, weights: readonly number[]): number {
  let end = 0
  for (let index = 0; index < weights.length; index += 1) {
    end += weights[index] ?? 0
    if (place < end) return index
  }
  return -1
}

function pickPercentage(hash: number, weights: readonly number[], total: number): number {
  const percentage = (Math.abs(hash | 0) / 2_147_483_647) * 100
  let end = 0
  for (let index = 0; index < weights.length; index += 1) {
    end += (100 * (weights[index] ?? 0)) / total
    if (percentage < end) return index
  }
  return -1
}
