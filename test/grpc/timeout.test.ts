import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTimeout } from '../../src/grpc/framing.ts'
import { RpcError, StatusCode } from '../../src/grpc/service.ts'

for (const [header, ms] of [
  [null, undefined],
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3_000],
  ['599998m', 599_998],
  ['1500u', 1.5],
  ['1000000n', 1],
  ['0m', 0],
  ['00000007S', 7_000],
  ['99999999H', 2 ** 31 - 1],
] as const)
  test(`grpc-timeout ${header} is ${ms} ms`, () => assert.equal(parseTimeout(header), ms))

for (const header of [
  '',
  'S',
  '1',
  '1s',
  '1h',
  '123456789S',
  '-1S',
  '+1S',
  '1.5S',
  ' 1S',
  '1S ',
  '1S\n',
  '1S, 2S',
  '١S',
])
  test(`grpc-timeout ${JSON.stringify(header)} is refused`, () =>
    assert.throws(
      () => parseTimeout(header),
      (error) => error instanceof RpcError && error.status === StatusCode.invalidArgument,
    ))
