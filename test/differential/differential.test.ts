import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DIFFERENCES, type DifferenceName } from './differences.ts'
import { run } from './explain.ts'

/** The whole, of 100,000 cases, is `npm run differential`. */
const RULES = Number(process.env['DIFFERENTIAL_RULES'] ?? 3_000)
/** From so many rules on, each known difference has to occur: one that does not is no difference any more. */
const WHOLE = 50_000

test(`${RULES} generated rules answer as in flagd-core, but for known differences`, () => {
  const { cases, differences, known, unexplained } = run(RULES)
  const counts = [...known].sort(([, one], [, other]) => other - one)
  if (RULES >= WHOLE) {
    process.stdout.write(`${cases} cases, ${differences} with a difference, which come upon:\n`)
    for (const [name, count] of counts)
      process.stdout.write(`${String(count).padStart(8)} ${name}: ${DIFFERENCES[name].what}\n`)
    assert.deepEqual(
      names.filter((name) => !known.has(name)),
      [],
    )
  }
  assert.equal(cases, 2 * RULES)
  assert.deepEqual(
    unexplained.map((one) => JSON.stringify(one)),
    [],
  )
  // Else they would agree on little.
  assert.ok(differences < cases * 0.35, `${differences} of ${cases} differ`)
})

const names = Object.keys(DIFFERENCES) as DifferenceName[]
