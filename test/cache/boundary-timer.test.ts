import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BOUNDARY_CLOCK, BoundaryTimer } from '../../src/cache/boundary-timer.ts'
import type { Snapshot } from '../../src/cache/snapshots.ts'
import type { Definition } from '../../src/flag/definition.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'

const START = 1_800_000_000
const HOUR = 3_600
const NOW = { var: '$flagd.timestamp' }

/** A snapshot whose flags, by name, turn off at their times. */
function snapshotOf(targetings: Readonly<Record<string, unknown>>): Snapshot {
  const flags = new Map(
    Object.entries(targetings).map(([key, targeting]) => [
      key,
      { state: 'ENABLED', variants: { a: 1 }, targeting } as Definition,
    ]),
  )
  const flagSet = compileFlagSet({ flags, segments: {}, metadata: {}, bucketing: 'v2' })
  const version = { incarnation: 'i', id: 1n, revision: 1n }
  return { ...version, flagSetId: 'p/e', changedAt: new Date(0), changedIn: '', flagSet }
}
const until = (seconds: number) => ({ if: [{ '<': [NOW, START + seconds] }, 'a'] })

/** A clock that the test sets, with the one timer that is allowed. */
class Clock {
  ms = START * 1_000
  timer: { at: number; run: () => void } | undefined
  readonly announced: [seconds: number, keys: readonly string[]][] = []
  readonly clock = {
    wallNow: () => this.ms,
    spreadMs: () => 2_000,
    after: (ms: number, run: () => void) => {
      assert.equal(this.timer, undefined, 'there is one timer at most')
      const timer = { at: this.ms + ms, run }
      this.timer = timer
      return () => {
        if (this.timer === timer) this.timer = undefined
      }
    },
  }

  follow(snapshot: Snapshot): BoundaryTimer {
    return new BoundaryTimer(this.clock, snapshot, (keys) => this.announced.push([this.ms / 1_000 - START, keys]))
  }

  /** Advances the clock; returns how often a timer fired. */
  pass(seconds: number): number {
    const end = this.ms + seconds * 1_000
    let fired = 0
    while (this.timer && this.timer.at <= end) {
      const { at, run } = this.timer
      this.timer = undefined
      this.ms = Math.max(this.ms, at)
      fired += 1
      run()
    }
    this.ms = end
    return fired
  }
}

test('a boundary is announced once, after the spread, with its flags', () => {
  const it = new Clock()
  it.follow(snapshotOf({ one: until(60), two: until(60), later: until(100), past: until(-5), never: true }))
  assert.equal(it.pass(61), 0)
  it.pass(1_000)
  assert.deepEqual(it.announced, [
    [62, ['one', 'two']],
    [102, ['later']],
  ])
  assert.equal(it.timer, undefined)
})

test('without a boundary, and after stop(), there is no timer', () => {
  const it = new Clock()
  const timer = it.follow(snapshotOf({ past: until(-5), never: { if: [{ '==': [{ var: 'a' }, 1] }, 'a'] } }))
  assert.equal(it.timer, undefined)
  timer.replace(snapshotOf({ one: until(60) }))
  assert.ok(it.timer)
  timer.stop()
  assert.equal(it.timer, undefined)
})

test('boundaries close to each other are announced once in 10 s', () => {
  const it = new Clock()
  it.follow(snapshotOf({ a: until(60), b: until(61), c: until(63), d: until(64), e: until(70) }))
  it.pass(1_000)
  assert.deepEqual(it.announced, [
    [62, ['a', 'b']],
    [72, ['c', 'd', 'e']],
  ])
})

test('a far boundary is checked each hour, and a clock that was set is followed', () => {
  const it = new Clock()
  it.follow(snapshotOf({ far: until(10 * HOUR) }))
  assert.equal(it.pass(9 * HOUR + 1), 9)
  assert.deepEqual(it.announced, [])
  it.ms += 2 * HOUR * 1_000
  it.pass(HOUR)
  assert.equal(it.announced.length, 1)
  const back = new Clock()
  back.follow(snapshotOf({ near: until(2 * HOUR) }))
  back.pass(HOUR + 1)
  back.ms -= HOUR * 1_000
  back.pass(3 * HOUR)
  assert.deepEqual(
    back.announced.map(([seconds]) => seconds),
    [2 * HOUR + 2],
  )
})

test('a new snapshot keeps a boundary that has passed due, and adds its own', () => {
  const it = new Clock()
  const timer = it.follow(snapshotOf({ a: until(60), gone: until(300) }))
  it.pass(61)
  timer.replace(snapshotOf({ a: until(60), b: until(200) }))
  it.pass(1_000)
  assert.deepEqual(it.announced, [
    [62, ['a']],
    [202, ['b']],
  ])
})

test('inside a ramp there is a tick a minute, or each 1 % of it', () => {
  const ramp = (length: number) => ({
    fractional: [
      ['a', { '-': [NOW, START] }],
      ['b', { '-': [START + length, NOW] }],
    ],
  })
  const it = new Clock()
  it.follow(snapshotOf({ short: ramp(HOUR) }))
  it.pass(2 * HOUR)
  assert.equal(it.announced.length, 60)
  const long = new Clock()
  long.follow(snapshotOf({ long: ramp(1_000 * HOUR) }))
  long.pass(2_000 * HOUR)
  assert.equal(long.announced.length, 100)
})

test('in production a boundary is announced 1 to 2 s late, never at the same moment by all replicas', () => {
  const spreads = Array.from({ length: 1_000 }, BOUNDARY_CLOCK.spreadMs)
  assert.ok(spreads.every((ms) => ms >= 1_000 && ms < 2_000))
  assert.ok(new Set(spreads).size > 900)
})
