import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseAllDocuments } from 'yaml'
import { KNATIVE } from '../../deploy/deployments.ts'
import { kustomize } from '../../deploy/kustomize.ts'
import { type ApiServer, startApiServer } from '../../support/kubernetes.ts'
import { type Listening, openListening } from '../../support/listening.ts'
import { kill, type Program, runProgram } from '../../support/process.ts'
import { ADMIN_KEY } from '../../support/service.ts'
import { definitionsOf, missingOf } from '../build.ts'

// A real API server with OFO's definitions and ours, Flagstaff, and the operator as a process of the runtime of the test.

export const MISSING = missingOf(['kube-apiserver', 'kubectl', 'crds'])
if (MISSING) process.stderr.write(`LEFT OUT: the operator on a real API server: ${MISSING}\n`)

const OFO = 'github.com/open-feature/open-feature-operator@v0.9.2'
const OPERATOR = 'operator'
const WAIT_MS = 90_000
const RBAC = 'rbac.authorization.k8s.io'
/** client-node refuses a server without TLS otherwise. */
const INSECURE = { 'insecure-skip-tls-verify': true }
const SUBJECT = { kind: 'User', name: OPERATOR, apiGroup: RBAC }
const FEATURE_FLAGS = '/apis/core.openfeature.dev/v1beta1'
const ENVIRONMENTS = '/apis/flagstaff.dev/v1alpha1'

export const on = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
export const off = { ...on, defaultVariant: 'off' }

type Answer = { readonly status: number; readonly body: any }
/** The operator, which listens at `address`. */
export type Running = Program & { readonly address: string }
export type World = {
  readonly api: ApiServer
  readonly flagstaff: Listening
  /** The file with the credentials of the operator's user. */
  readonly kubeconfig: string
  /** Makes a namespace and a project of this name, with one environment, and binds the operator's Role there. */
  space(name: string): Promise<Space>
  /** Ends the operators that spaces have started. */
  endOperators(): Promise<void>
  close(): Promise<void>
}
/** One namespace and the project of the same name. */
export type Space = {
  readonly name: string
  /** Starts the operator for the namespace, as a user with the rights of our Role. */
  operator(options?: { env?: Record<string, string>; args?: readonly string[] }): Promise<Running>
  /** Runs `operator --once` to its end. */
  once(env?: Record<string, string>): Promise<{ code: number | null; output: string }>
  featureFlag(name: string, flags: object, more?: object): Promise<void>
  removeFeatureFlag(name: string): Promise<void>
  environment(name: string, spec?: object): Promise<void>
  patchEnvironment(name: string, patch: object): Promise<void>
  removeEnvironment(name: string): Promise<void>
  /** The FlagEnvironment; undefined if there is none. */
  read(name: string): Promise<any>
  /** Waits until the FlagEnvironment's status is as wanted, for its newest generation. */
  status(name: string, isWanted: (status: any) => boolean): Promise<any>
  /** The flags of the environment in Flagstaff. */
  flags(): Promise<any>
  call(method: string, path: string, body?: unknown): Promise<Answer>
}

export async function startWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-operator-'))
  const api = await startApiServer({ users: [OPERATOR] })
  const flagstaff = await openListening()
  await api.applyDefinitions(join(definitionsOf(OFO), 'core.openfeature.dev_featureflags.yaml'))
  await api.applyDefinitions(join(KNATIVE, 'operator/crds/flagenvironments.yaml'))
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigOf(api))
  const operators: Running[] = []
  return {
    api,
    flagstaff,
    kubeconfig,
    space: (name) => openSpace({ api, flagstaff, folder, kubeconfig, operators }, name),
    endOperators: async () => {
      await Promise.all(operators.splice(0).map(kill))
    },
    close: async () => {
      await flagstaff.close()
      await api.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

type Parts = Pick<World, 'api' | 'flagstaff'> & {
  readonly folder: string
  readonly kubeconfig: string
  readonly operators: Running[]
}

async function openSpace({ api, flagstaff, folder, kubeconfig, operators }: Parts, name: string): Promise<Space> {
  const { path } = await flagstaff.environment(name)
  const keyFile = join(folder, `${name}.key`)
  writeFileSync(keyFile, await editorKey(flagstaff, name))
  await api.kubectl(['create', 'namespace', name])
  await api.kubectl(['apply', '-n', name, '-f', '-'], access())
  const env = (more: Record<string, string> = {}) => ({
    KUBECONFIG: kubeconfig,
    OPERATOR_NAMESPACE: name,
    FLAGSTAFF_URL: flagstaff.address,
    ...(!('FLAGSTAFF_KEY' in more) && { FLAGSTAFF_KEY_FILE: keyFile }),
    ...more,
  })
  const apply = async (object: any) => {
    await api.kubectl(
      ['apply', '--server-side', '--field-manager=test', '--force-conflicts', '-n', name, '-f', '-'],
      JSON.stringify(object),
    )
  }
  const read = async (environment: string) => {
    const text = await api.kubectl([
      'get',
      'flagenvironment',
      environment,
      '-n',
      name,
      '-o',
      'json',
      '--ignore-not-found',
    ])
    return text === '' ? undefined : JSON.parse(text)
  }
  const call = async (method: string, target: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${flagstaff.address}${target.startsWith('/api') ? target : `${path}${target}`}`, {
      method,
      headers: { 'x-api-key': ADMIN_KEY, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json().catch(() => undefined) }
  }
  return {
    name,
    operator: async (options = {}) => {
      const operator = await startOperator(env(options.env), options.args)
      operators.push(operator)
      return operator
    },
    once: async (more) => {
      const program = runProgram('src/operator.ts', env(more), { args: ['--once'] })
      const { code } = await program.ended
      return { code, output: program.output() }
    },
    featureFlag: (featureFlag, flags, more = {}) =>
      apply({
        apiVersion: FEATURE_FLAGS.slice('/apis/'.length),
        kind: 'FeatureFlag',
        metadata: { name: featureFlag },
        spec: { flagSpec: { flags, ...more } },
      }),
    removeFeatureFlag: async (featureFlag) => {
      await api.kubectl(['delete', 'featureflag', featureFlag, '-n', name])
    },
    environment: (environment, spec = {}) =>
      apply({
        apiVersion: ENVIRONMENTS.slice('/apis/'.length),
        kind: 'FlagEnvironment',
        metadata: { name: environment },
        spec: { project: name, environment: 'test', ...spec },
      }),
    patchEnvironment: async (environment, patch) => {
      await api.kubectl([
        'patch',
        'flagenvironment',
        environment,
        '-n',
        name,
        '--type=merge',
        '-p',
        JSON.stringify(patch),
      ])
    },
    removeEnvironment: async (environment) => {
      await api.kubectl(['delete', 'flagenvironment', environment, '-n', name, '--wait=false'])
    },
    read,
    status: (environment, isWanted) =>
      until(
        async () => await read(environment),
        (resource) =>
          resource?.status?.observedGeneration === resource?.metadata.generation && isWanted(resource?.status ?? {}),
      ).then(({ status }) => status),
    flags: async () => (await call('GET', '/flagset?portable=false')).body.flags,
    call,
  }
}

async function startOperator(env: Record<string, string>, args: readonly string[] = []): Promise<Running> {
  const program = runProgram('src/operator.ts', { HOST: '127.0.0.1', PORT: '0', ...env }, { args })
  try {
    const [, port] = await until(
      async () => /"message":"Listening".*"port":(\d+)/.exec(program.output()) ?? [],
      (found) => found.length > 0 || program.child.exitCode !== null,
    )
    if (port === undefined) throw new Error(`The operator ended: ${program.output()}`)
    return { ...program, address: `http://127.0.0.1:${port}` }
  } catch (error) {
    await kill(program)
    throw error
  }
}

/** Repeats `read` until the value is as wanted; fails with the last value after a minute and a half. */
export async function until<T>(read: () => Promise<T>, isWanted: (value: T) => boolean): Promise<T> {
  let value = await read()
  for (const late = performance.now() + WAIT_MS; !isWanted(value); value = await read()) {
    if (performance.now() > late) throw new Error(`It did not become as wanted: ${JSON.stringify(value)}`)
    await sleep(100)
  }
  return value
}

export const conditionOf = (status: any, type: string): any =>
  status.conditions?.find((condition: any) => condition.type === type)
export const isReady = (status: any): boolean => conditionOf(status, 'Ready')?.status === 'True'

async function editorKey({ service }: Listening, project: string): Promise<string> {
  const body = { name: 'operator', role: 'editor', environment: { project, environment: 'test' } }
  return (await service.call('POST', '/api/v1/keys', { body })).body.secret
}

/** Our Role and its binding, for the user of the test instead of the service account, which needs a controller to get a token. */
function access(): string {
  const objects = parseAllDocuments(readFileSync(join(KNATIVE, 'operator/access.yaml'), 'utf8')).map((one) =>
    one.toJS(),
  )
  for (const object of objects) if (object.kind === 'RoleBinding') object.subjects = [SUBJECT]
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
}

/** A ClusterRole with the rules of our Role, and its binding, as `--all-namespaces` needs them. */
export function clusterAccess(): string {
  const role = kustomize(join(KNATIVE, 'operator')).find(({ kind }) => kind === 'Role')
  const metadata = { name: 'flagstaff-operator' }
  const roleRef = { apiGroup: RBAC, kind: 'ClusterRole', ...metadata }
  const apiVersion = `${RBAC}/v1`
  const items = [
    { apiVersion, kind: 'ClusterRole', metadata, rules: role?.['rules'] },
    { apiVersion, kind: 'ClusterRoleBinding', metadata, roleRef, subjects: [SUBJECT] },
  ]
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

/** For a client of `server`, which passes requests on to the API server. */
export const kubeconfigOf = ({ url, caFile, tokens }: ApiServer, server = url): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: { server, ...(server.startsWith('http:') ? INSECURE : { 'certificate-authority': caFile }) },
      },
    ],
    users: [{ name: OPERATOR, user: { token: tokens[OPERATOR] } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: OPERATOR } }],
    'current-context': 'test',
  })
