/** A known difference between the results of flagd-core and ours, with a decision. */
export type Difference = {
  readonly what: string
  /** Which side is correct: ours, theirs, or neither if no specification decides. */
  readonly right: 'ours' | 'theirs' | 'neither'
  readonly why: string
  /** True where flagd-core always fails (GENERAL, or PARSE_ERROR where it runs constants while it compiles). */
  readonly fails?: boolean
}

/** All known differences. A trace of the evaluation (trace.ts) names those that occur in it; any other difference fails the test. */
export const DIFFERENCES = {
  'not-a-number': {
    what: 'a text, list or object that is no number is compared with a number or calculated with',
    right: 'ours',
    why: 'JSONLogic operators never throw; flagd in Go compares false and calculates with 0. flagd-core throws NaN',
    fails: true,
  },
  'division-by-zero': {
    what: '"/" or "%" by 0, null or ""',
    right: 'ours',
    why: 'Infinity and NaN compare like any number; flagd-core throws NaN',
    fails: true,
  },
  'extreme-of-others': {
    what: '"max" or "min" of nothing, or with an operand that is no number',
    right: 'ours',
    why: 'JSONLogic converts operands; flagd-core throws "Invalid Arguments"',
    fails: true,
  },
  'in-of-other': {
    what: '"in" a number, boolean or object',
    right: 'ours',
    why: 'it is in none: false, as in flagd in Go. flagd-core throws TypeError',
    fails: true,
  },
  'loop-over-other': {
    what: 'a loop over what is no list',
    right: 'ours',
    why: 'it counts as empty; flagd-core throws TypeError, or walks through the characters of a text',
  },
  'all-of-nothing': {
    what: '"all" of null, false, 0 or ""',
    right: 'ours',
    why: 'false, as in json-logic-js and in flagd-core when it interprets; compiled, it is true there',
  },
  'shared-variable': {
    what: 'a comparison with a later operand that is computed from a variable',
    right: 'ours',
    why: 'compiled, flagd-core checks the operand against a variable (`prev`) that the operand itself has overwritten',
  },
  'substr-of-other': {
    what: '"substr" of what is no text',
    right: 'ours',
    why: 'json-logic-js converts it to text, null to "null"; flagd-core throws TypeError',
    fails: true,
  },
  constants: {
    what: 'a part without variables that flagd-core cannot run, even where no evaluation reaches it',
    right: 'ours',
    why: 'a rule fails only where it is reached; flagd-core runs constants while it compiles, and refuses the rule',
    fails: true,
  },
  'code-points': {
    what: '"substr" of a text with characters beyond the basic plane',
    right: 'ours',
    why: 'flagd in Go counts code points; flagd-core counts UTF-16 units, and cuts characters in two',
  },
  'null-summand': {
    what: '"+" or "*" with a null operand',
    right: 'ours',
    why: 'NaN in json-logic-js, the reference; flagd-core takes it for 0, flagd in Go fails',
  },
  'null-equals-zero': {
    what: '"==" or "!=" between null and 0 or false',
    right: 'ours',
    why: 'null equals only null in JSONLogic and JavaScript; flagd-core takes it for 0',
  },
  'range-of-texts': {
    what: '"<" or "<=" of three operands with a text or null among them',
    right: 'ours',
    why: 'each two are compared like two alone; flagd-core compares texts once more, as numbers',
  },
  'cat-of-null': {
    what: '"cat" of a null',
    right: 'ours',
    why: 'empty, as in flagd in Go and in flagd-core when it interprets; compiled, flagd-core writes "null"',
  },
  'in-text-of-other': {
    what: '"in" a text, of what is neither text nor number, or in the empty text',
    right: 'ours',
    why: 'false, as in flagd in Go; flagd-core searches for the text "null", "true" …, and finds nothing in an empty one',
  },
  'fractional-null-seed': {
    what: '"fractional" whose first argument is null',
    right: 'ours',
    why: 'flagd in Go falls back to flag key and targeting key; flagd-core gives the default',
  },
  'fractional-targeting-key': {
    what: '"fractional" without a seed, with a targeting key that is no text',
    right: 'ours',
    why: 'flagd in Go gives the default; flagd-core writes it as text',
  },
  'fractional-null-weight': {
    what: '"fractional" with a weight of null',
    right: 'ours',
    why: 'flagd in Go counts 1; flagd-core gives the default',
  },
  'fractional-variant': {
    what: '"fractional" with a list or an object for a variant that is not chosen',
    right: 'ours',
    why: 'only the chosen one counts; flagd-core gives the default',
  },
  'flagd-operator-in-loop': {
    what: '"fractional", "sem_ver", "starts_with" or "ends_with" in a loop',
    right: 'ours',
    why: 'flag key and targeting key are those of the evaluation, also in a loop. flagd-core looks for them, and for its logger, in the item, and may throw TypeError',
  },
  'utf-16': {
    what: 'a seed of "fractional" beyond ASCII',
    right: 'ours',
    why: 'flagd in Go, Java, Python and Rust hash UTF-8; flagd-core hashes UTF-16 units (imurmurhash)',
  },
  'default-of-null': {
    what: '"var" with a default, of an attribute that is null',
    right: 'ours',
    why: 'the default, as in flagd in Go and in flagd-core when it compiles; when it interprets, null',
  },
  'var-into-text': {
    what: '"var" of a part of a text',
    right: 'ours',
    why: 'a text has no parts, as in flagd in Go; flagd-core reads characters',
  },
  'missing-null': {
    what: '"missing" of an attribute that is null',
    right: 'ours',
    why: 'missing, as in json-logic-js; in flagd-core it is there',
  },
  'unary-list': {
    what: 'an operator of one operand whose value is a list',
    right: 'ours',
    why: 'the list is the operand; flagd-core, when it interprets, takes its items for the operands',
  },
  'list-as-variant': {
    what: 'a rule that gives a list',
    right: 'ours',
    why: 'GENERAL, as in flagd in Go; flagd-core writes it as text, which may name a variant',
  },
  'not-finite': {
    what: 'a rule that gives NaN or Infinity',
    right: 'neither',
    why: 'JSON knows neither: null, and so the default. Neither flagd in Go nor flagd-core gets there',
  },
  'spaces-and-quotes': {
    what: 'a rule that gives the name of a variant with spaces or quotes around it',
    right: 'ours',
    why: 'flagd in Go trims the result of "cat" and strips quotes; flagd-core finds no such variant',
  },
  'null-rule': {
    what: '"targeting": null',
    right: 'ours',
    why: 'DEFAULT in flagd in Go; STATIC in flagd-core',
  },
} as const satisfies Readonly<Record<string, Difference>>

export type DifferenceName = keyof typeof DIFFERENCES
