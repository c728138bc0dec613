import { spawn } from 'node:child_process'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type Docker from 'dockerode'
import { freePort, startAtFreePort } from '../support/daemon.ts'

/** Runs a check and prints its result; the value that it returns is printed as a figure. */
export type Check = (promise: string, keep: () => Promise<unknown>) => Promise<void>
export type Ended = { readonly code: number; readonly output: string }
export type Started = {
  readonly container: Docker.Container
  readonly address: string
  readonly grpcPort: number
  readonly readyMs: number
  /** Stops it as a platform does, with its stop signal. */
  stop(): Promise<Ended>
}

const READY_MS = 15_000
const POLL_MS = 20
/** Larger than DRAIN_SECONDS: a container that has to be killed did not stop correctly. */
const STOP_SECONDS = 15

/** The recommended restrictions, and the limits of a small virtual machine. */
const HOST_CONFIG: Docker.HostConfig = {
  ReadonlyRootfs: true,
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges'],
  NetworkMode: 'host',
  Ulimits: [
    { Name: 'nofile', Soft: 1_024, Hard: 1_024 },
    { Name: 'nproc', Soft: 4_096, Hard: 4_096 },
  ],
}

/** Runs a command of the image to its end. */
export async function runToEnd(docker: Docker, image: string, command: string[], env: Variables = {}): Promise<Ended> {
  const container = await create(docker, image, env, command)
  await container.start()
  return ended(container)
}

/** Starts the service and waits until it is ready. */
export function startContainer(docker: Docker, image: string, env: Variables): Promise<Started> {
  return startAtFreePort((port) => startAt(port, docker, image, env))
}

async function startAt(port: number, docker: Docker, image: string, env: Variables): Promise<Started> {
  const grpcPort = await freePort()
  const address = `http://127.0.0.1:${port}`
  const ports = { HOST: '127.0.0.1', PORT: String(port), GRPC_PORT: String(grpcPort) }
  const container = await create(docker, image, { ...ports, ...env })
  const begin = performance.now()
  await container.start()
  await isReady(container, address)
  const readyMs = Math.round(performance.now() - begin)
  const stop = async () => {
    await container.stop({ t: STOP_SECONDS })
    return ended(container)
  }
  return { container, address, grpcPort, readyMs, stop }
}

export type File = { readonly path: string; readonly owner: string; readonly mode: string }

/** All files of an image, as listed by tar. */
export async function filesOf(docker: Docker, image: string): Promise<File[]> {
  const container = await create(docker, image, {})
  const tar = spawn('tar', ['--list', '--verbose', '--numeric-owner'], { stdio: ['pipe', 'pipe', 'inherit'] })
  ;(await container.export()).pipe(tar.stdin)
  const lines = (await text(tar.stdout)).trim().split('\n')
  return lines.map((line) => {
    const [mode = '', owner = '', , , , path = ''] = line.split(/ +/)
    return { mode, owner, path }
  })
}

/** One file of an image. */
export async function fileOf(docker: Docker, image: string, path: string): Promise<Buffer> {
  const container = await create(docker, image, {})
  const tar = spawn('tar', ['--extract', '--to-stdout'], { stdio: ['pipe', 'pipe', 'inherit'] })
  ;(await container.getArchive({ path })).pipe(tar.stdin)
  return buffer(tar.stdout)
}

type Variables = Readonly<Record<string, string>>

function create(docker: Docker, image: string, env: Variables, command?: string[]): Promise<Docker.Container> {
  return docker.createContainer({
    Image: image,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    HostConfig: HOST_CONFIG,
    ...(command && { Cmd: command }),
  })
}

async function isReady(container: Docker.Container, address: string): Promise<void> {
  for (const deadline = performance.now() + READY_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    const answer = await fetch(`${address}/readyz`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return
    if (!(await container.inspect()).State.Running) break
  }
  throw new Error(`The container did not become ready: ${await logsOf(container)}`)
}

async function ended(container: Docker.Container): Promise<Ended> {
  const { StatusCode } = await container.wait()
  return { code: StatusCode, output: await logsOf(container) }
}

/** Its output on stdout and stderr. Each chunk has a header of eight bytes: the stream, and the length from the fifth byte on. */
async function logsOf(container: Docker.Container): Promise<string> {
  const bytes = await container.logs({ stdout: true, stderr: true })
  let text = ''
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4)
    text += bytes.toString('utf8', at + 8, at + 8 + length)
    at += 8 + length
  }
  return text
}
