import assert from 'node:assert/strict'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { decodeSnapshot, encodeSnapshot, type Snapshot } from '../../src/cache/snapshots.ts'
import { checkDefinition, checkShape } from '../../src/flag/check/definition.ts'
import { readDocument } from '../../src/flag/check/document.ts'
import type { Bucketing, Context, Definition, FlagSetDocument } from '../../src/flag/definition.ts'
import { documentOf, portableDocumentOf } from '../../src/flag/document.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { explain } from '../../src/flag/explain/explain.ts'
import { compileFlagSet, type FlagSet } from '../../src/flag/flag-set.ts'
import { summaryOf } from '../../src/flag/summary.ts'
import { decodeMessage, FrameDecoder } from '../../src/grpc/framing.ts'
import { ResolveBooleanRequestSchema } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { RpcError } from '../../src/grpc/service.ts'
import { Generator, SEGMENTS } from '../differential/generate.ts'
import { frame } from '../support/h2.ts'
import { ofrepOver } from '../support/ofrep.ts'
import type { Random } from '../support/random.ts'
import { isPlaceIn, type Outcome, type Target } from './target.ts'
import { anyJson, anyText, below, chance, mutated, mutatedBytes, objectOf, oneOf, textOf } from './values.ts'

const NOW = 1_750_000_000
const SHARES = { rules: 0.42, documents: 0.2, ofrep: 0.16, frames: 0.16 }
const BUCKETINGS: readonly Bucketing[] = ['v1', 'v2', 'v3']
const VARIANTS = [
  { a: true, b: false },
  { a: 'x', b: '', true: 'y' },
  { a: 1, b: -0.5 },
  { a: { n: [1] }, b: {} },
]

/** Targets that run in this process: no socket, no database. */
export const pureTargets = (): Target[] => [
  { name: 'rules', share: SHARES.rules, atOnce: 1, run: runRule },
  { name: 'flag sets', share: SHARES.documents, atOnce: 1, run: runDocument },
  { name: 'OFREP bodies', share: SHARES.ofrep, atOnce: 1, run: ofrepRunner() },
  { name: 'gRPC frames', share: SHARES.frames, atOnce: 1, run: runFrames },
]

function definitionFrom(random: Random): unknown {
  const targeting = new Generator(random).targeting()
  const definition = { state: 'ENABLED', variants: oneOf(random, VARIANTS), defaultVariant: 'a', targeting }
  let odd: unknown = definition
  for (let times = below(random, 3); times > 0; times -= 1) odd = mutated(random, odd)
  return odd
}

function contextFrom(random: Random): Context {
  const context = new Generator(random).context()
  const odd = chance(random, 0.5) ? mutated(random, context) : context
  return typeof odd === 'object' && odd !== null && !Array.isArray(odd) ? (odd as Context) : {}
}

const evaluated = (set: Pick<FlagSet, 'flags' | 'metadata'>, key: string, context: Context): string =>
  JSON.stringify(evaluateKey(set, key, context, NOW))

/** An evaluation throws nothing, and is the same after each way in which a definition travels: Redis, export, explanation. */
function runRule(random: Random, note: (input: unknown) => void): Outcome {
  const definition = definitionFrom(random)
  const context = contextFrom(random)
  const bucketing = oneOf(random, BUCKETINGS)
  note({ definition, context, bucketing })
  const isShaped = checkShape(definition).mistakes.length === 0
  const mistakes = checkDefinition(definition, SEGMENTS)
  for (const { pointer, message } of mistakes) {
    assert.ok(message.length > 5)
    assert.ok(isPlaceIn(definition, pointer), `${pointer} is no place: ${message}`)
  }
  const flags = new Map([['flag', definition as Definition]])
  const settings = { segments: SEGMENTS, metadata: {}, bucketing }
  const set = compileFlagSet({ flags, ...settings })
  const first = evaluated(set, 'flag', context)
  assert.equal(evaluated(set, 'flag', context), first, 'evaluates differently the second time')
  const copy = decodeSnapshot('p/e', { revisionId: REVISION, text: encodeSnapshot(snapshotOf(set)) })
  assert.equal(copy && evaluated(copy.flagSet, 'flag', context), first, 'evaluates differently from Redis')
  if (!isShaped) return 'no definition'
  assert.equal(typeof summaryOf(definition as Definition), 'object')
  const flag = { key: 'flag', definition: definition as Definition, ...settings }
  assert.equal(JSON.stringify(explain(flag, context, NOW).evaluation), first, 'is explained differently')
  if (mistakes.length > 0) return 'refused'
  assert.notEqual(JSON.parse(first).errorCode, 'PARSE_ERROR')
  const document: FlagSetDocument = { flags, segments: SEGMENTS, metadata: {}, members: {} }
  for (const exported of [documentOf(document), portableDocumentOf(document)]) {
    const text = JSON.stringify(exported)
    const { source, mistakes: found } = readDocument(JSON.parse(text), text)
    assert.deepEqual(found, [])
    assert.equal(
      evaluated(compileFlagSet({ ...source, bucketing }), 'flag', context),
      first,
      'evaluates differently after an export',
    )
  }
  return JSON.parse(first).reason
}

const REVISION = { incarnation: 'fuzz', revision: 1n }
const snapshotOf = (flagSet: FlagSet): Snapshot => ({
  flagSetId: 'p/e',
  ...REVISION,
  id: 1n,
  changedIn: '',
  changedAt: new Date(0),
  flagSet,
})

/** Any document is read or refused with places; what was read is read again in the same way from its export. */
function runDocument(random: Random, note: (input: unknown) => void): Outcome {
  const keys = ['a', 'b', anyText(random)]
  const base: unknown = {
    $schema: 'https://flagd.dev/schema/v0/flags.json',
    flags: objectOf(keys.map((key) => [key, definitionFrom(random)])),
    $evaluators: SEGMENTS,
    metadata: { version: 1 },
  }
  let document = chance(random, 0.9) ? base : anyJson(random)
  for (let times = below(random, 4); times > 0; times -= 1) document = mutated(random, document)
  note(document)
  const text = JSON.stringify(document) ?? 'null'
  const parsed = JSON.parse(text)
  const { source, mistakes } = readDocument(parsed, text)
  for (const { pointer, message } of mistakes) {
    assert.ok(message.length > 5)
    assert.ok(isPlaceIn(parsed, pointer), `${pointer} is no place: ${message}`)
  }
  const set = compileFlagSet({ ...source, bucketing: 'v2' })
  for (const key of source.flags.keys()) evaluated(set, key, {})
  if (mistakes.length > 0) return 'refused'
  const exported = JSON.stringify(documentOf(source))
  const again = readDocument(JSON.parse(exported), exported)
  assert.deepEqual(again.mistakes, [])
  const setAgain = compileFlagSet({ ...again.source, bucketing: 'v2' })
  const context = contextFrom(random)
  for (const key of source.flags.keys()) assert.equal(evaluated(setAgain, key, context), evaluated(set, key, context))
  return 'read'
}

/** A request is answered with a value or an OFREP error, and alone as among all. */
function ofrepRunner(): Target['run'] {
  const generator = new Generator(() => 0.5)
  const flag = { state: 'ENABLED', variants: { a: true, b: false }, defaultVariant: 'a' }
  const flags = {
    plain: flag,
    ruled: { ...flag, targeting: generator.targeting() },
    broken: { ...flag, targeting: { x: 1 } },
  }
  const app = ofrepOver({ 'p/e': { flags, $evaluators: SEGMENTS } }, { bodyBytesMax: 100_000 })
  const keys = ['plain', 'ruled', 'broken', 'none', '__proto__', '%', 'a%2Fb', '%00']
  const send = async (path: string, body: string) => {
    const headers = { authorization: 'Bearer p/e', 'content-type': 'application/json' }
    const request = new Request(`http://a/ofrep/v1/evaluate/flags${path}`, { method: 'POST', headers, body })
    const response = await app.fetch(request)
    const text = await response.text()
    return { status: response.status, answer: JSON.parse(text) }
  }
  return async (random, note) => {
    const context = chance(random, 0.8) ? contextFrom(random) : anyJson(random)
    const body = textOf(random, chance(random, 0.8) ? { context } : mutated(random, { context }))
    const key = oneOf(random, keys)
    note({ key, body })
    const single = await send(`/${key}`, body)
    const bulk = await send('', body)
    for (const { status, answer } of [single, bulk]) {
      assert.ok([200, 400, 404, 413].includes(status), `${status} ${JSON.stringify(answer)}`)
      if (status !== 200) assert.ok(answer.errorCode && answer.errorDetails, JSON.stringify(answer))
    }
    if (bulk.status !== 200 || !Object.hasOwn(flags, key)) return single.status
    const among = bulk.answer.flags.find((each: { key: string }) => each.key === key)
    assert.deepEqual(single.answer, among)
    return single.status
  }
}

/** Bytes are decoded to the same messages however they are cut, or refused with an error of gRPC. */
function runFrames(random: Random, note: (input: unknown) => void): Outcome {
  const context = contextFrom(random)
  const request = { flagKey: anyText(random).toWellFormed(), context: JSON.parse(JSON.stringify(context)) }
  const good = wellFormedMessage(request)
  const frames = Array.from({ length: below(random, 3) + 1 }, () =>
    frame(mutatedBytes(random, good), chance(random, 0.9) ? 0 : below(random, 256)),
  )
  const bytes = mutatedBytes(random, Buffer.concat(frames))
  note(bytes.toString('hex'))
  const whole = decoded([bytes])
  const cuts: Buffer[] = []
  for (let at = 0; at < bytes.byteLength; ) {
    const end = at + 1 + below(random, 40)
    cuts.push(bytes.subarray(at, end))
    at = end
  }
  assert.deepEqual(decoded(cuts), whole)
  return whole[0] === 'refused' || whole.includes('invalid') ? 'refused' : 'decoded'
}

function wellFormedMessage(request: { flagKey: string; context: Context }): Uint8Array {
  try {
    return toBinary(ResolveBooleanRequestSchema, create(ResolveBooleanRequestSchema, request as object))
  } catch {
    return toBinary(ResolveBooleanRequestSchema, create(ResolveBooleanRequestSchema, { flagKey: 'a' })) // a lone surrogate
  }
}

const MESSAGE_MAX = 4_000

function decoded(chunks: readonly Buffer[]): string[] {
  const decoder = new FrameDecoder(MESSAGE_MAX)
  const found: string[] = []
  try {
    for (const chunk of chunks)
      for (const { isCompressed, bytes } of decoder.decode(chunk)) found.push(messageOf(isCompressed, bytes))
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error))
    return ['refused']
  }
  return [...found, String(decoder.isIncomplete)]
}

/** A message that is decoded is encoded and decoded again to the same. */
function messageOf(isCompressed: boolean, bytes: Buffer): string {
  if (isCompressed) return 'compressed'
  try {
    const message = decodeMessage(ResolveBooleanRequestSchema, bytes)
    const again = fromBinary(ResolveBooleanRequestSchema, toBinary(ResolveBooleanRequestSchema, message))
    assert.equal(JSON.stringify(again.context), JSON.stringify(message.context))
    return message.flagKey
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error))
    return 'invalid'
  }
}
