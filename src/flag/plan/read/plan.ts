import { isRecord, isText, type JsonRecord, NAME_LENGTH_MAX } from '../../definition.ts'
import { type Mistake, shorten } from '../../error.ts'
import { TARGETING_KEY } from '../gate.ts'
import { PARTS } from '../parts.ts'
import {
  ARMS_MAX,
  type Arm,
  type ArmAction,
  NOTE_LENGTH_MAX,
  type PausedRollout,
  type Plan,
  type RampShape,
  type Rollout,
  type RolloutStep,
  rolloutOf,
  type Serve,
  STEPS_PER_ROLLOUT_MAX,
} from '../plan.ts'
import { readMoment, readShare } from './moment.ts'
import { type PlanSource, Reading } from './reading.ts'

/**
 * Reads a plan as JSON, and completes it: local times get their second, rollouts their salt. A complete plan stays as it is. `plan` is
 * undefined if the shape has mistakes.
 */
export function readPlan(value: unknown, source: PlanSource): { plan: Plan | undefined; mistakes: readonly Mistake[] } {
  const reading = new Reading(source)
  const plan = read(value, source.pointer, reading)
  return { plan: reading.mistakes.length === 0 ? plan : undefined, mistakes: reading.mistakes }
}

function read(value: unknown, pointer: string, reading: Reading): Plan | undefined {
  if (!isRecord(value)) return reading.fail(pointer, `Plan is ${shorten(value)}, not an object`)
  const partMembers = PARTS.flatMap(({ members }) => members)
  reading.onlyMembers(value, ['v', 'rule', 'timeline', ...partMembers], pointer)
  const { v = 1, rule, timeline } = value
  if (v !== 1) reading.fail(`${pointer}/v`, `Version of the plan is ${shorten(v)}, not 1`)
  if (rule !== undefined && rule !== null && !isRecord(rule))
    reading.fail(`${pointer}/rule`, `Rule is ${shorten(rule)}, not a rule or null`)
  const parts = Object.fromEntries(partMembers.flatMap((name) => (name in value ? [[name, value[name]]] : [])))
  const arms = timeline === undefined ? undefined : readTimeline(timeline, `${pointer}/timeline`, reading)
  return {
    v: 1,
    ...(rule !== undefined && { rule: rule as JsonRecord | null }),
    ...(arms && { timeline: arms }),
    ...parts,
  }
}

function readTimeline(value: unknown, pointer: string, reading: Reading): readonly Arm[] | undefined {
  if (!Array.isArray(value)) return reading.fail(pointer, `Timeline is ${shorten(value)}, not a list`)
  if (value.length > ARMS_MAX) return reading.fail(pointer, `Timeline has ${value.length} arms, more than ${ARMS_MAX}`)
  const before = reading.source.before?.timeline
  return value.flatMap(
    (arm, index) => readArm(arm, { pointer: `${pointer}/${index}`, before: before?.[index] }, reading) ?? [],
  )
}

type ArmPlace = { readonly pointer: string; readonly before?: Arm | undefined }
const ACTIONS = ['serve', 'rollout', 'paused']

function readArm(value: unknown, { pointer, before }: ArmPlace, reading: Reading): Arm | undefined {
  if (!isRecord(value)) return reading.fail(pointer, `Arm is ${shorten(value)}, not an object`)
  reading.onlyMembers(value, ['at', 'note', 'leave', ...ACTIONS], pointer)
  const { at, note } = value
  if (note !== undefined && !(typeof note === 'string' && isText(note) && note.length <= NOTE_LENGTH_MAX))
    reading.fail(`${pointer}/note`, `Note is ${shorten(note)}, not a text of at most ${NOTE_LENGTH_MAX} characters`)
  const moment = readMoment(at, `${pointer}/at`, reading)
  const action = readAction(value, { pointer, before }, reading)
  if (moment === undefined || action === undefined) return undefined
  return { at: moment, ...(typeof note === 'string' && { note }), ...action }
}

function readAction(value: JsonRecord, { pointer, before }: ArmPlace, reading: Reading): ArmAction | undefined {
  const [name, ...others] = ACTIONS.filter((action) => Object.hasOwn(value, action))
  if (name === undefined || others.length > 0)
    return reading.fail(pointer, `Arm must have exactly one of ${ACTIONS.join(', ')}`)
  const { leave } = value
  if (leave !== undefined && (leave !== true || name !== 'rollout'))
    return reading.fail(`${pointer}/leave`, `"leave" is ${shorten(leave)}; it is true, beside a rollout, or absent`)
  const place = `${pointer}/${name}`
  if (name === 'serve') {
    const serve = readServe(value['serve'], place, reading)
    return serve && { serve }
  }
  if (name === 'paused') {
    const paused = readPaused(value['paused'], { pointer: place, before }, reading)
    return paused && { paused }
  }
  const rollout = readRollout(value['rollout'], { pointer: place, before }, reading)
  return rollout && { rollout, ...(leave === true && { leave }) }
}

/** Reads what an arm serves. Whether a variant exists is checked later. */
export function readServe(value: unknown, pointer: string, reading: Reading): Serve | undefined {
  const wanted = 'one of {"variant"}, {"rule"}, {"default": true}, {"base": true}'
  if (!isRecord(value) || Object.keys(value).length !== 1)
    return reading.fail(pointer, `What is served is ${shorten(value)}, not ${wanted}`)
  const { variant, rule, default: isDefault, base } = value
  if (typeof variant === 'string') return { variant }
  if (isRecord(rule)) return { rule }
  if (isDefault === true) return { default: true }
  if (base === true) return { base: true }
  const [name = ''] = Object.keys(value)
  return reading.fail(pointer, `What is served is {${shorten(name)}: ${shorten(value[name])}}, not ${wanted}`)
}

function readRollout(value: unknown, { pointer, before }: ArmPlace, reading: Reading): Rollout | undefined {
  if (!isRecord(value)) return reading.fail(pointer, `Rollout is ${shorten(value)}, not an object`)
  reading.onlyMembers(value, ['to', 'from', 'by', 'salt', 'shape'], pointer)
  const to = readServe(value['to'], `${pointer}/to`, reading)
  const from = readServe(value['from'] ?? { base: true }, `${pointer}/from`, reading)
  const by = readAttribute(value['by'] ?? TARGETING_KEY, `${pointer}/by`, reading)
  const salt = readSalt(value['salt'] ?? rolloutOf(before)?.salt, `${pointer}/salt`, reading)
  const shape = readShape(value['shape'], `${pointer}/shape`, reading)
  if (!(to && from && by && salt && shape)) return undefined
  return { to, from, by, salt, shape }
}

/** Reads the name of the attribute that users are distributed by. */
export function readAttribute(value: unknown, pointer: string, reading: Reading): string | undefined {
  const isName = typeof value === 'string' && value !== '' && isText(value) && value.length <= NAME_LENGTH_MAX
  if (isName && value !== '$flagd' && !value.startsWith('$flagd.')) return value
  return reading.fail(pointer, `Attribute is ${shorten(value)}, not the name of an attribute of users`)
}

/** Reads a salt; without one the source makes it. */
export function readSalt(value: unknown, pointer: string, reading: Reading): string | undefined {
  if (value === undefined) return reading.source.newSalt()
  if (typeof value === 'string' && value !== '' && isText(value) && value.length <= 2 * NAME_LENGTH_MAX) return value
  return reading.fail(pointer, `Salt is ${shorten(value)}, not a text of 1 to ${2 * NAME_LENGTH_MAX} characters`)
}

function readShape(value: unknown, pointer: string, reading: Reading): Rollout['shape'] | undefined {
  const { ramp, steps } = isRecord(value) ? value : {}
  if (!isRecord(value) || Object.keys(value).length !== 1 || (ramp === undefined && steps === undefined))
    return reading.fail(pointer, `Shape is ${shorten(value)}, not one of {"ramp"}, {"steps"}`)
  if (ramp !== undefined) {
    const read = readRamp(ramp, `${pointer}/ramp`, reading)
    return read && { ramp: read }
  }
  const read = readSteps(steps, `${pointer}/steps`, reading)
  return read && { steps: read }
}

function readRamp(value: unknown, pointer: string, reading: Reading): RampShape | undefined {
  if (!isRecord(value)) return reading.fail(pointer, `Ramp is ${shorten(value)}, not an object`)
  reading.onlyMembers(value, ['until', 'fromShare', 'toShare', 'line'], pointer)
  const until = readMoment(value['until'], `${pointer}/until`, reading)
  const fromShare = readShare(value['fromShare'] ?? 0, `${pointer}/fromShare`, reading)
  const toShare = readShare(value['toShare'] ?? 100_000, `${pointer}/toShare`, reading)
  const { line } = value
  const { at, seconds } = isRecord(line) ? line : {}
  if (line !== undefined && !(Number.isSafeInteger(at) && Number.isSafeInteger(seconds) && Number(seconds) > 0))
    return reading.fail(`${pointer}/line`, `Line is ${shorten(line)}, not {"at", "seconds"} in whole seconds`)
  if (until === undefined || fromShare === undefined || toShare === undefined) return undefined
  return {
    until,
    fromShare,
    toShare,
    ...(line !== undefined && { line: { at: Number(at), seconds: Number(seconds) } }),
  }
}

function readSteps(value: unknown, pointer: string, reading: Reading): readonly RolloutStep[] | undefined {
  if (!Array.isArray(value) || value.length === 0)
    return reading.fail(pointer, `Steps are ${shorten(value)}, not a list of {"at", "share"}`)
  if (value.length > STEPS_PER_ROLLOUT_MAX)
    return reading.fail(pointer, `Rollout has ${value.length} steps, more than ${STEPS_PER_ROLLOUT_MAX}`)
  return value.flatMap((step, index): RolloutStep[] => {
    const place = `${pointer}/${index}`
    if (!isRecord(step)) return reading.fail(place, `Step is ${shorten(step)}, not {"at", "share"}`) ?? []
    reading.onlyMembers(step, ['at', 'share'], place)
    const at = readMoment(step['at'], `${place}/at`, reading)
    const share = readShare(step['share'], `${place}/share`, reading)
    return at === undefined || share === undefined ? [] : [{ at, share }]
  })
}

function readPaused(value: unknown, { pointer, before }: ArmPlace, reading: Reading): PausedRollout | undefined {
  if (!isRecord(value)) return reading.fail(pointer, `Pause is ${shorten(value)}, not an object`)
  reading.onlyMembers(value, ['share', 'of', 'later'], pointer)
  const share = readShare(value['share'], `${pointer}/share`, reading)
  const of = readRollout(value['of'], { pointer: `${pointer}/of`, before }, reading)
  const later = value['later'] === undefined ? undefined : readTimeline(value['later'], `${pointer}/later`, reading)
  if (share === undefined || of === undefined) return undefined
  return { share, of, ...(later && { later }) }
}
