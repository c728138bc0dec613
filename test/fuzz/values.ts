import { OPERATORS } from '../../src/flag/rules/rule.ts'
import { SEGMENTS } from '../differential/generate.ts'
import type { Random } from '../support/random.ts'

export const below = (random: Random, max: number): number => Math.floor(random() * max)
export const oneOf = <T>(random: Random, all: readonly T[]): T => all[below(random, all.length)] as T
export const chance = (random: Random, probability: number): boolean => random() < probability

const NAMES = [
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'length',
    '',
    '.',
    '..',
    '0',
    '-1',
    '4294967295',
    'a.b',
    '/',
  ],
  ...['$ref', '$schema', '$evaluators', '$flagd', 'if', 'var', 'flags', 'metadata', 'variants', 'state', 'targeting'],
  ...['defaultVariant', 'targetingKey', 'context', 'key', '~0', '~1', ' ', 'é', '😀', '\u202e', 'x'.repeat(300)],
  ...Object.keys(SEGMENTS),
]
const TEXTS = [
  ...[
    '',
    'a',
    'on',
    'off',
    'null',
    'true',
    '0',
    '1e309',
    '-0',
    '1.2.3',
    '^',
    '~',
    '>=',
    '\0',
    '\ud800',
    '\udc00a',
    '\n',
  ],
  ...['😀', '\u2028', '\ufeff', '%00', '../..', '{{', "'--", '\\', '"', '<script>', 'ENABLED', 'DISABLED'],
  ...['2026-02-30T00:00:00Z', '2026-01-01T00:00:00Z', 'a'.repeat(5_000), 'İ', 'ß'],
]
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.1,
  2 ** 31,
  -(2 ** 31),
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 63),
  1e21,
  1e308,
  5e-324,
  1e-7,
  100,
  3,
]
const OPERATOR_NAMES = [...OPERATORS.keys(), '$ref', 'unknown']
const DEPTH_MAX = 5
const SIZE_MAX = 5

/** Any JSON value, with names and texts that programs treat specially. */
export function anyJson(random: Random, depth = 0): unknown {
  const kind = below(random, depth >= DEPTH_MAX ? 6 : 10)
  if (kind === 0) return null
  if (kind === 1) return chance(random, 0.5)
  if (kind === 2) return oneOf(random, NUMBERS)
  if (kind === 3) return (random() - 0.5) * 10 ** below(random, 20)
  if (kind < 6) return anyText(random)
  const size = below(random, SIZE_MAX)
  if (kind < 8) return Array.from({ length: size }, () => anyJson(random, depth + 1))
  return objectOf(Array.from({ length: size }, () => [anyName(random), anyJson(random, depth + 1)]))
}

export const anyText = (random: Random): string => (chance(random, 0.8) ? oneOf(random, TEXTS) : randomText(random))
const anyName = (random: Random): string => (chance(random, 0.85) ? oneOf(random, NAMES) : anyText(random))

function randomText(random: Random): string {
  const units = Array.from({ length: below(random, 12) }, () => below(random, chance(random, 0.5) ? 128 : 65_536))
  return String.fromCharCode(...units)
}

/** As JSON.parse makes it: "__proto__" is a member. */
export const objectOf = (entries: readonly (readonly [string, unknown])[]): Record<string, unknown> =>
  Object.fromEntries(entries)

/** A copy with one part replaced, removed, repeated, wrapped or renamed. */
export function mutated(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || chance(random, 0.15)) return replaced(random, value)
  if (Array.isArray(value)) return mutatedList(random, value)
  const entries = Object.entries(value)
  if (entries.length === 0) return replaced(random, value)
  const at = below(random, entries.length)
  const [name, member] = entries[at] as [string, unknown]
  const kind = below(random, 10)
  if (kind === 0) entries.splice(at, 1)
  else if (kind === 1) entries[at] = [chance(random, 0.5) ? anyName(random) : oneOf(random, OPERATOR_NAMES), member]
  else if (kind === 2) entries.push([anyName(random), anyJson(random)])
  else entries[at] = [name, mutated(random, member)]
  return objectOf(entries)
}

function mutatedList(random: Random, list: readonly unknown[]): unknown {
  const copy = [...list]
  const at = below(random, copy.length + 1)
  const kind = below(random, 8)
  if (kind === 0) copy.splice(at, 1)
  else if (kind === 1) copy.splice(at, 0, anyJson(random))
  else if (kind === 2) copy.splice(at, 0, copy[0])
  else if (at < copy.length) copy[at] = mutated(random, copy[at])
  return copy
}

function replaced(random: Random, value: unknown): unknown {
  const kind = below(random, 6)
  if (kind === 0) return [value]
  if (kind === 1) return objectOf([[oneOf(random, OPERATOR_NAMES), value]])
  if (kind === 2) return objectOf([[oneOf(random, OPERATOR_NAMES), [value, anyJson(random)]]])
  return anyJson(random)
}

const INSERTED = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u',
  '\\ud800',
  '1e999',
  '-',
  '\0',
  '\ufeff',
  'NaN',
  '//',
  '0x1',
  '1.',
]

/** JSON text, sometimes with mistakes that no serializer makes. */
export function textOf(random: Random, value: unknown): string {
  const text = JSON.stringify(value) ?? 'null'
  if (chance(random, 0.85)) return text
  const at = below(random, text.length + 1)
  if (chance(random, 0.3)) return text.slice(0, at)
  return text.slice(0, at) + oneOf(random, INSERTED) + text.slice(at + below(random, 3))
}

/** A copy with some bytes changed, added or removed. */
export function mutatedBytes(random: Random, bytes: Uint8Array): Buffer {
  let copy = Buffer.from(bytes)
  for (let changes = below(random, 4); changes > 0; changes -= 1) {
    const at = below(random, copy.byteLength + 1)
    const kind = below(random, 4)
    const added = Buffer.from(Array.from({ length: below(random, 6) }, () => below(random, 256)))
    if (kind === 0) copy = copy.subarray(0, at)
    else if (kind === 1) copy = Buffer.concat([copy.subarray(0, at), added, copy.subarray(at)])
    else if (at < copy.byteLength)
      copy[at] = kind === 2 ? below(random, 256) : (copy[at] ?? 0) ^ (1 << below(random, 8))
  }
  return copy
}
