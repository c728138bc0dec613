import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Environment, type Launchpad, openLaunchpad, type Server } from '../support/launchpad.ts'
import { readSets } from '../support/testbed.ts'
import type { Language } from './build.ts'
import { type EnvironmentPlan, isDangling, type Mode, readEnvironments } from './cases.ts'
import { ProviderProgram } from './program.ts'

/** A program to start: its language, the way it evaluates, and the command that runs it. */
export type Subject = { readonly language: Language; readonly mode: Mode; readonly command: readonly string[] }
type Keys = Readonly<Record<string, string>>
type Servers = { readonly cleartext: Server; readonly tls: Server }

/** A running service with the environments of all cases. */
export type World = {
  /** Starts a program and waits until all its providers are ready. */
  start(subject: Subject): Promise<ProviderProgram>
  watch(): Promise<Watched>
  close(): Promise<void>
}
/** A separate service, with one environment that changes. */
export type Watched = {
  /** Starts a program whose provider may use its cache, with only the environment "changing". */
  start(subject: Subject): Promise<ProviderProgram>
  /** Toggles its `changing-flag`. */
  change(): Promise<void>
  /** Kills the service, and restarts it after `seconds`. */
  restart(seconds: number): void
}

/** Runs a program with our names in /etc/hosts, by a mount that no other process sees. */
const WITH_HOSTS = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"']

export async function openWorld({ hasCases = true } = {}): Promise<World> {
  const launchpad = await openLaunchpad()
  const folder = await mkdtemp(join(tmpdir(), 'providers-'))
  const opened: ProviderProgram[] = []
  const [cleartext, tls] = await Promise.all([launchpad.shared('cleartext'), launchpad.shared('tls')])
  const keys = hasCases ? await keysOf(launchpad, readEnvironments()) : {}
  const start = async (subject: Subject, servers: Servers, keys: Keys, cache: boolean): Promise<ProviderProgram> => {
    const { prefix, ...way } = wayOf(subject, servers)
    const hosts = join(folder, `hosts-${opened.length}`)
    await writeFile(
      hosts,
      Object.values(keys)
        .map((key) => `127.0.0.1 ${key}.flags.example\n`)
        .join(''),
    )
    const config = { ...way, mode: subject.mode, cache, environments: keys }
    const program = new ProviderProgram(subject.command, config, prefix.length > 0 ? [...prefix, hosts] : [])
    opened.push(program)
    await program.started()
    return program
  }
  return {
    start: async (subject) => {
      const isPicky = subject.language === 'rust' && subject.mode === 'in-process'
      const own = isPicky ? await keysOf(launchpad, withoutDangling(readEnvironments())) : keys
      return start(subject, { cleartext, tls }, own, false)
    },
    watch: async () => {
      const [cleartext, tls] = await Promise.all([launchpad.own('cleartext'), launchpad.own('tls')])
      const environment = await changingEnvironment(launchpad)
      return {
        start: (subject) => start(subject, { cleartext, tls }, { changing: environment.key }, true),
        change: () => launchpad.change(environment),
        restart: (seconds) => {
          for (const server of [cleartext, tls]) server.restart(seconds)
        },
      }
    },
    close: async () => {
      await Promise.all(opened.map((program) => program.close()))
      await rm(folder, { recursive: true })
      await launchpad.close()
    },
  }
}

/** How a program reaches the service with its key. Clients that cannot send it in cleartext use TLS, or the host name. */
function wayOf({ language, mode }: Subject, { cleartext, tls }: Servers) {
  const host = '127.0.0.1'
  if (mode === 'ofrep') return { host, port: cleartext.port, prefix: [] }
  if (mode === 'rpc' && language === 'python')
    return { host, port: tls.grpcPort, certificate: tls.certPath, prefix: [] }
  // It uses Connect over HTTP/1.1, which every runtime serves at the port of HTTP.
  if (mode === 'rpc' && language === 'go') return { host, port: cleartext.port, prefix: WITH_HOSTS }
  return { host, port: cleartext.grpcPort, prefix: [] }
}

async function keysOf(launchpad: Launchpad, plans: ReadonlyMap<string, EnvironmentPlan>): Promise<Keys> {
  const keys: Record<string, string> = {}
  for (const [name, { document, bucketing }] of plans)
    keys[name] = (await launchpad.environment(document, bucketing)).key
  return keys
}

async function changingEnvironment(launchpad: Launchpad): Promise<Environment> {
  const flag = readSets().get('all')?.flags['changing-flag']
  return launchpad.environment({ flags: { 'changing-flag': flag } })
}

/** The same environments without the flags that refer to a rule which does not exist. */
function withoutDangling(plans: ReadonlyMap<string, EnvironmentPlan>): Map<string, EnvironmentPlan> {
  return new Map(
    [...plans].map(([name, { document, bucketing }]) => {
      const flags = Object.fromEntries(Object.entries(document.flags).filter(([key]) => !isDangling(key)))
      return [name, { document: { ...document, flags }, bucketing }]
    }),
  )
}
