import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DIFFERENCES, type DifferenceName } from './differences.ts'
import { run } from './explain.ts'

/** `npm run differential` has 100,000 cases. */
const RULES = Number(process.env['DIFFERENTIAL_RULES'] ?? 3_000)
/** With at least this many rules each known difference must occur: otherwise it no longer exists. */
const WHOLE = 50_000

test(`${RULES} generated rules give the results of flagd-core, except for known differences`, () => {
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
  // Otherwise agreement would prove little.
  assert.ok(differences < cases * 0.35, `${differences} of ${cases} differ`)
})

const names = Object.keys(DIFFERENCES) as DifferenceName[]
