import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tlsOf } from '../../src/store/redis-tls.ts'

for (const [url, servername] of [
  ['rediss://user:hush@redis.example.com:6380/2', 'redis.example.com'],
  ['rediss://localhost', 'localhost'],
  ['rediss://10.0.0.7:6380', undefined],
  ['rediss://[::1]:6380', undefined],
  ['redis://redis.example.com', undefined],
] as const)
  test(`tlsOf() names ${servername ?? 'nobody'} for ${url.replace(/\/\/.*@/, '//')}`, () =>
    assert.equal(tlsOf(url)?.servername, servername))
