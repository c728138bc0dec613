import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HAS_PROMTOOL } from '../support/metrics.ts'
import { alerts, RULES } from './documents.ts'
import { expected, promtool } from './promtool.ts'

/** Values of series, a minute apart, in promtool's notation: `a+bxn` grows n times, `_` is no sample. */
type Case = {
  readonly alert: string
  readonly when: string
  readonly series: Readonly<Record<string, string>>
  readonly minute: number
  /** Alerts that fire; none: it stays quiet. */
  readonly firing?: number
}

const A = 'job="flagstaff",instance="a"'
const B = 'job="flagstaff",instance="b"'
const http = (route: string, status: number, labels = A) =>
  `http_request_duration_seconds_count{${labels},method="POST",route="${route}",status="${status}"}`
const rpc = (method: string, code: string) =>
  `rpc_request_duration_seconds_count{${A},method="${method}",code="${code}"}`
const evaluations = (reason: string, code: string, labels = A) =>
  `flagstaff_evaluations_total{${labels},environment="p/e",reason="${reason}",error_code="${code}"}`
const revision = (labels: string) => `flagstaff_snapshot_revision{${labels},environment="p/e"}`
const age = (labels: string) => `flagstaff_snapshot_age_seconds{${labels},environment="p/e"}`
const checks = (result: string) => `flagstaff_freshness_checks_total{${A},source="postgres",result="${result}"}`
const calls = (store: string, code: string) =>
  `flagstaff_${store}_call_duration_seconds_count{${A},call="read",code="${code}"}`
const SINGLE = '/ofrep/v1/evaluate/flags/:key'
const RESOLVE = 'flagd.evaluation.v1.Service/ResolveBoolean'
const up = `up{${A}}`
const started = `process_start_time_seconds{${A}}`
const lag = `nodejs_eventloop_lag_seconds{${A}}`
const failedFlushes = `flagstaff_usage_flush_failures_total{${A}}`
const damaged = `flagstaff_redis_damaged_copies_total{${A}}`
const shed = `flagstaff_shed_total{${A},reason="concurrency"}`
const dropped = `flagstaff_telemetry_dropped_total{${A},signal="spans"}`

const CASES: readonly Case[] = [
  { alert: 'FlagstaffDown', when: 'a replica is gone', series: { [up]: '1 0x20' }, minute: 5, firing: 1 },
  { alert: 'FlagstaffDown', when: 'one scrape is lost', series: { [up]: '1 0 1x20' }, minute: 5 },
  {
    alert: 'FlagstaffDown',
    when: 'another job is down',
    series: { 'up{job="shop",instance="a"}': '0x20' },
    minute: 10,
  },

  {
    alert: 'FlagstaffRestarts',
    when: 'it crashes',
    series: { [started]: '1+0x5 2+0x5 3+0x5 4+0x9' },
    minute: 20,
    firing: 1,
  },
  { alert: 'FlagstaffRestarts', when: 'it is deployed', series: { [started]: '1+0x5 2+0x20' }, minute: 20 },

  {
    alert: 'FlagstaffNotReady',
    when: 'it never is',
    series: { [http('/readyz', 503)]: '1+12x20' },
    minute: 10,
    firing: 1,
  },
  {
    alert: 'FlagstaffNotReady',
    when: 'it becomes ready after a minute',
    series: { [http('/readyz', 503)]: '0 12 12x20', [http('/readyz', 200)]: '_ 1+12x20' },
    minute: 6,
  },

  {
    alert: 'FlagstaffErrors',
    when: '2 % of evaluations are refused',
    series: { [http(SINGLE, 200)]: '0+980x20', [http(SINGLE, 503)]: '0+20x20' },
    minute: 12,
    firing: 1,
  },
  {
    alert: 'FlagstaffErrors',
    when: 'calls over gRPC are refused',
    series: { [rpc(RESOLVE, 'OK')]: '0+90x20', [rpc(RESOLVE, 'UNAVAILABLE')]: '0+10x20' },
    minute: 12,
    firing: 1,
  },
  {
    alert: 'FlagstaffErrors',
    when: 'only changes are refused, and streams end with their replica',
    series: {
      [http(SINGLE, 200)]: '0+980x20',
      [http('/api/v1/projects', 503)]: '0+980x20',
      [rpc(RESOLVE, 'OK')]: '0+1x20',
      [rpc('flagd.sync.v1.FlagSyncService/SyncFlags', 'UNAVAILABLE')]: '0+50x20',
    },
    minute: 12,
  },
  {
    alert: 'FlagstaffErrors',
    when: 'callers make mistakes',
    series: { [http(SINGLE, 404)]: '0+9x20', [http(SINGLE, 401)]: '0+9x20', [rpc(RESOLVE, 'NOT_FOUND')]: '0+9x20' },
    minute: 12,
  },

  {
    alert: 'FlagstaffUnexpectedErrors',
    when: 'one request broke, the first of all',
    series: { [http('/api/v1/projects', 500)]: '_x19 1x60' },
    minute: 25,
    firing: 1,
  },
  {
    alert: 'FlagstaffUnexpectedErrors',
    when: 'another one broke',
    series: { [rpc(RESOLVE, 'INTERNAL')]: '3x29 4x60' },
    minute: 35,
    firing: 1,
  },
  {
    alert: 'FlagstaffUnexpectedErrors',
    when: 'it was long ago',
    series: { [http(SINGLE, 500)]: '_x9 1x60' },
    minute: 40,
  },
  {
    alert: 'FlagstaffUnexpectedErrors',
    when: 'Connect says that a flag is broken',
    series: { [http('/flagd.evaluation.v1.Service/:method', 500)]: '0+9x20', [rpc(RESOLVE, 'DATA_LOSS')]: '0+9x20' },
    minute: 15,
  },

  { alert: 'FlagstaffEventLoopLags', when: 'it does', series: { [lag]: '0.3x20' }, minute: 10, firing: 1 },
  { alert: 'FlagstaffEventLoopLags', when: 'one turn is long', series: { [lag]: '0x9 0.4 0x20' }, minute: 12 },

  { alert: 'FlagstaffSheds', when: 'it does', series: { [shed]: '0x3 0+9x30' }, minute: 15, firing: 1 },
  { alert: 'FlagstaffSheds', when: 'it did for a moment', series: { [shed]: '0x5 500x30' }, minute: 11 },

  {
    alert: 'FlagstaffEvaluationsFail',
    when: 'flags are missing and rules broken',
    series: {
      [evaluations('STATIC', '')]: '0+90x30',
      [evaluations('ERROR', 'FLAG_NOT_FOUND')]: '0+5x30',
      [evaluations('ERROR', 'GENERAL')]: '0+5x30',
      [evaluations('ERROR', 'PARSE_ERROR')]: '0+0x30',
    },
    minute: 20,
    firing: 2,
  },
  {
    alert: 'FlagstaffEvaluationsFail',
    when: 'one in a thousand fails',
    series: { [evaluations('STATIC', '')]: '0+999x30', [evaluations('ERROR', 'GENERAL')]: '0+1x30' },
    minute: 20,
  },

  {
    alert: 'FlagstaffSnapshotsStale',
    when: 'nobody confirms what is asked for',
    series: { [age(A)]: '0+60x20', [evaluations('STATIC', '')]: '0+9x20' },
    minute: 10,
    firing: 1,
  },
  {
    alert: 'FlagstaffSnapshotsStale',
    when: 'nobody asks',
    series: { [age(A)]: '0+60x60', [evaluations('STATIC', '')]: '9x60' },
    minute: 30,
  },
  {
    alert: 'FlagstaffSnapshotsStale',
    when: 'somebody asks each five minutes, and is answered with what is confirmed',
    series: { [age(A)]: '240 300 0+60x4 0+60x4 0+60x4', [evaluations('STATIC', '')]: '1 1 2x4 3x4 4x4' },
    minute: 14,
  },

  {
    alert: 'FlagstaffDatabaseWentBack',
    when: 'it did',
    series: { [checks('older')]: '_x4 1+6x20' },
    minute: 10,
    firing: 1,
  },
  {
    alert: 'FlagstaffDatabaseWentBack',
    when: 'it did, and was given a new incarnation',
    series: { [checks('older')]: '0+6x5 30x30', [checks('newer')]: '0+1x30' },
    minute: 20,
  },

  {
    alert: 'FlagstaffReplicasDisagree',
    when: 'one is told otherwise than the other',
    series: { [revision(A)]: '7x30', [age(A)]: '1x30', [revision(B)]: '7x3 8x30', [age(B)]: '1x30' },
    minute: 20,
    firing: 1,
  },
  {
    alert: 'FlagstaffReplicasDisagree',
    when: 'one is asked by nobody',
    series: { [revision(A)]: '7x30', [age(A)]: '0+60x30', [revision(B)]: '7x3 8x30', [age(B)]: '1x30' },
    minute: 20,
  },
  {
    alert: 'FlagstaffReplicasDisagree',
    when: 'flags change all the time, and one replica is always a change behind',
    series: { [revision(A)]: '7+1x30', [age(A)]: '1x30', [revision(B)]: '8+1x30', [age(B)]: '1x30' },
    minute: 20,
  },
  {
    alert: 'FlagstaffReplicasDisagree',
    when: 'two deployments have an environment of the same name',
    series: {
      [revision(A)]: '7x30',
      [age(A)]: '1x30',
      [revision('job="flagstaff-test",instance="a"')]: '9x30',
      [age('job="flagstaff-test",instance="a"')]: '1x30',
    },
    minute: 20,
  },
  {
    alert: 'FlagstaffReplicasDisagree',
    when: 'a restored database was given a new incarnation',
    series: { [revision(A)]: '9x9 5x30', [age(A)]: '1x40', [revision(B)]: '9x9 5x30', [age(B)]: '1x40' },
    minute: 14,
  },

  {
    alert: 'FlagstaffPostgresFails',
    when: 'it is away',
    series: { [calls('postgres', 'ok')]: '90x30', [calls('postgres', 'unavailable')]: '_ 1+6x30' },
    minute: 12,
    firing: 1,
  },
  {
    alert: 'FlagstaffPostgresFails',
    when: 'it fails over in a minute, and changes are refused for their own sake',
    series: {
      [calls('postgres', 'ok')]: '0+30x30',
      [calls('postgres', 'unavailable')]: '0x5 10x30',
      [calls('postgres', 'stale')]: '0+30x30',
    },
    minute: 11,
  },

  {
    alert: 'FlagstaffRedisFails',
    when: 'it is away',
    series: { [calls('redis', 'ok')]: '90x30', [calls('redis', 'failed')]: '_ 1+60x30' },
    minute: 17,
    firing: 1,
  },
  { alert: 'FlagstaffRedisFails', when: 'none is configured', series: { [up]: '1x30' }, minute: 17 },

  {
    alert: 'FlagstaffUsageNotStored',
    when: 'each try fails',
    series: { [failedFlushes]: '0+1x40' },
    minute: 25,
    firing: 1,
  },
  { alert: 'FlagstaffUsageNotStored', when: 'one try fails', series: { [failedFlushes]: '0x5 1x40' }, minute: 25 },

  { alert: 'FlagstaffCopiesDamaged', when: 'they come again', series: { [damaged]: '0+1x40' }, minute: 15, firing: 1 },
  { alert: 'FlagstaffCopiesDamaged', when: 'one was found', series: { [damaged]: '0x5 1x40' }, minute: 15 },

  {
    alert: 'FlagstaffTelemetryDropped',
    when: 'no collector is there',
    series: { [dropped]: '0+40x40' },
    minute: 25,
    firing: 1,
  },
  { alert: 'FlagstaffTelemetryDropped', when: 'it was restarted', series: { [dropped]: '0x5 40x40' }, minute: 25 },
]

test('each alert is seen to fire and to stay quiet', () => {
  for (const { alert } of alerts) {
    const own = CASES.filter((one) => one.alert === alert)
    assert.ok(own.some(({ firing }) => firing !== undefined) && own.some(({ firing }) => firing === undefined), alert)
  }
})

for (const { alert, when, series, minute, firing } of CASES)
  test(`${alert} ${firing === undefined ? 'stays quiet' : 'fires'} when ${when}`, {
    skip: HAS_PROMTOOL ? false : 'there is no promtool on this machine',
  }, async () => {
    const input_series = Object.entries(series).map(([name, values]) => ({ series: name, values }))
    const fired = `count(ALERTS{alertname="${alert}", alertstate="firing"})`
    const tests = [{ interval: '1m', input_series, promql_expr_test: [expected(fired, minute, firing)] }]
    assert.equal(await promtool(['test', 'rules'], { rule_files: [RULES], evaluation_interval: '1m', tests }), '')
  })
