import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HAS_PROMTOOL } from '../support/metrics.ts'
import { alerts, RULES } from './documents.ts'
import { expected, promtool } from './promtool.ts'

/** Values of series, a minute apart, in promtool's notation: `a+bxn` adds n values, `_` is no sample. */
type Case = {
  readonly alert: string
  readonly when: string
  readonly series: Readonly<Record<string, string>>
  readonly minute: number
  /** Alerts that fire; undefined: none. */
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
  { alert: 'FlagstaffDown', when: 'a replica is unreachable', series: { [up]: '1 0x20' }, minute: 5, firing: 1 },
  { alert: 'FlagstaffDown', when: 'one scrape is lost', series: { [up]: '1 0 1x20' }, minute: 5 },
  {
    alert: 'FlagstaffDown',
    when: 'another job is down',
    series: { 'up{job="shop",instance="a"}': '0x20' },
    minute: 10,
  },

  {
    alert: 'FlagstaffRestarts',
    when: 'a replica crashes repeatedly',
    series: { [started]: '1+0x5 2+0x5 3+0x5 4+0x9' },
    minute: 20,
    firing: 1,
  },
  { alert: 'FlagstaffRestarts', when: 'a new version is deployed', series: { [started]: '1+0x5 2+0x20' }, minute: 20 },

  {
    alert: 'FlagstaffNotReady',
    when: 'a replica never becomes ready',
    series: { [http('/readyz', 503)]: '1+12x20' },
    minute: 10,
    firing: 1,
  },
  {
    alert: 'FlagstaffNotReady',
    when: 'a replica becomes ready after a minute',
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
    when: 'the first request of a replica has an internal error',
    series: { [http('/api/v1/projects', 500)]: '_x19 1x60' },
    minute: 25,
    firing: 1,
  },
  {
    alert: 'FlagstaffUnexpectedErrors',
    when: 'a later request has an internal error',
    series: { [rpc(RESOLVE, 'INTERNAL')]: '3x29 4x60' },
    minute: 35,
    firing: 1,
  },
  {
    alert: 'FlagstaffUnexpectedErrors',
    when: 'the last internal error was long ago',
    series: { [http(SINGLE, 500)]: '_x9 1x60' },
    minute: 40,
  },
  {
    alert: 'FlagstaffUnexpectedErrors',
    when: 'Connect reports an invalid flag',
    series: { [http('/flagd.evaluation.v1.Service/:method', 500)]: '0+9x20', [rpc(RESOLVE, 'DATA_LOSS')]: '0+9x20' },
    minute: 15,
  },

  { alert: 'FlagstaffEventLoopLags', when: 'the lag is long', series: { [lag]: '0.3x20' }, minute: 10, firing: 1 },
  { alert: 'FlagstaffEventLoopLags', when: 'one turn is long', series: { [lag]: '0x9 0.4 0x20' }, minute: 12 },

  { alert: 'FlagstaffSheds', when: 'requests are refused', series: { [shed]: '0x3 0+9x30' }, minute: 15, firing: 1 },
  { alert: 'FlagstaffSheds', when: 'requests were refused for a moment', series: { [shed]: '0x5 500x30' }, minute: 11 },

  {
    alert: 'FlagstaffEvaluationsFail',
    when: 'flags are missing and rules invalid',
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
    when: 'a snapshot in use is not confirmed',
    series: { [age(A)]: '0+60x20', [evaluations('STATIC', '')]: '0+9x20' },
    minute: 10,
    firing: 1,
  },
  {
    alert: 'FlagstaffSnapshotsStale',
    when: 'a snapshot is not in use',
    series: { [age(A)]: '0+60x60', [evaluations('STATIC', '')]: '9x60' },
    minute: 30,
  },
  {
    alert: 'FlagstaffSnapshotsStale',
    when: 'a snapshot is used each five minutes, and confirmed',
    series: { [age(A)]: '240 300 0+60x4 0+60x4 0+60x4', [evaluations('STATIC', '')]: '1 1 2x4 3x4 4x4' },
    minute: 14,
  },

  {
    alert: 'FlagstaffDatabaseWentBack',
    when: 'the revision decreased',
    series: { [checks('older')]: '_x4 1+6x20' },
    minute: 10,
    firing: 1,
  },
  {
    alert: 'FlagstaffDatabaseWentBack',
    when: 'the revision decreased with a new incarnation',
    series: { [checks('older')]: '0+6x5 30x30', [checks('newer')]: '0+1x30' },
    minute: 20,
  },

  {
    alert: 'FlagstaffReplicasDisagree',
    when: 'a confirmed revision is lower than that of another replica',
    series: { [revision(A)]: '7x30', [age(A)]: '1x30', [revision(B)]: '7x3 8x30', [age(B)]: '1x30' },
    minute: 20,
    firing: 1,
  },
  {
    alert: 'FlagstaffReplicasDisagree',
    when: 'one replica has no requests',
    series: { [revision(A)]: '7x30', [age(A)]: '0+60x30', [revision(B)]: '7x3 8x30', [age(B)]: '1x30' },
    minute: 20,
  },
  {
    alert: 'FlagstaffReplicasDisagree',
    when: 'flags change continuously, and one replica is always one change behind',
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
    when: 'Postgres is unavailable',
    series: { [calls('postgres', 'ok')]: '90x30', [calls('postgres', 'unavailable')]: '_ 1+6x30' },
    minute: 12,
    firing: 1,
  },
  {
    alert: 'FlagstaffPostgresFails',
    when: 'Postgres fails over in a minute, and invalid changes are refused',
    series: {
      [calls('postgres', 'ok')]: '0+30x30',
      [calls('postgres', 'unavailable')]: '0x5 10x30',
      [calls('postgres', 'stale')]: '0+30x30',
    },
    minute: 11,
  },

  {
    alert: 'FlagstaffRedisFails',
    when: 'Redis is unavailable',
    series: { [calls('redis', 'ok')]: '90x30', [calls('redis', 'failed')]: '_ 1+60x30' },
    minute: 17,
    firing: 1,
  },
  { alert: 'FlagstaffRedisFails', when: 'none is configured', series: { [up]: '1x30' }, minute: 17 },

  {
    alert: 'FlagstaffUsageNotStored',
    when: 'each attempt fails',
    series: { [failedFlushes]: '0+1x40' },
    minute: 25,
    firing: 1,
  },
  { alert: 'FlagstaffUsageNotStored', when: 'one attempt fails', series: { [failedFlushes]: '0x5 1x40' }, minute: 25 },

  { alert: 'FlagstaffCopiesDamaged', when: 'damage repeats', series: { [damaged]: '0+1x40' }, minute: 15, firing: 1 },
  { alert: 'FlagstaffCopiesDamaged', when: 'one copy was damaged', series: { [damaged]: '0x5 1x40' }, minute: 15 },

  {
    alert: 'FlagstaffTelemetryDropped',
    when: 'no collector is running',
    series: { [dropped]: '0+40x40' },
    minute: 25,
    firing: 1,
  },
  {
    alert: 'FlagstaffTelemetryDropped',
    when: 'the collector was restarted',
    series: { [dropped]: '0x5 40x40' },
    minute: 25,
  },
]

test('each alert has a case in which it fires and one in which it does not', () => {
  for (const { alert } of alerts) {
    const own = CASES.filter((one) => one.alert === alert)
    assert.ok(own.some(({ firing }) => firing !== undefined) && own.some(({ firing }) => firing === undefined), alert)
  }
})

for (const { alert, when, series, minute, firing } of CASES)
  test(`${alert} ${firing === undefined ? 'does not fire' : 'fires'} when ${when}`, {
    skip: HAS_PROMTOOL ? false : 'there is no promtool on this machine',
  }, async () => {
    const input_series = Object.entries(series).map(([name, values]) => ({ series: name, values }))
    const fired = `count(ALERTS{alertname="${alert}", alertstate="firing"})`
    const tests = [{ interval: '1m', input_series, promql_expr_test: [expected(fired, minute, firing)] }]
    assert.equal(await promtool(['test', 'rules'], { rule_files: [RULES], evaluation_interval: '1m', tests }), '')
  })
