import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import Docker from 'dockerode'

/** Builds with buildah and runs with podman and runc, behind the Docker Engine API on a socket, all in one folder of its own. */
export type Engine = {
  readonly docker: Docker
  build(tag: string, context: string, options?: readonly string[]): Promise<void>
  close(): Promise<void>
}

const START_TRIES = 200
const START_POLL_MS = 50
/** A build that takes longer hangs. */
const BUILD_MS = 5 * 60_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

/** No registry, no network namespace and no kernel module is needed: this works for root of a small virtual machine. */
export async function startEngine(folder: string): Promise<Engine> {
  const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'storage'), '--runroot', join(folder, 'run')]
  const env = { ...process.env, TMPDIR: folder }
  const socketPath = join(folder, 'engine.sock')
  const flags = [...storage, '--runtime=runc', '--cgroup-manager=cgroupfs']
  // In a process group of its own: a Ctrl-C is for us, and we end it when its containers are gone.
  const service = spawn('podman', [...flags, 'system', 'service', '--time=0', `unix://${socketPath}`], {
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const docker = new Docker({ socketPath })
  const builds = new AbortController()
  await answers(docker, service)
  return {
    docker,
    build: async (tag, context, options = []) => {
      const args = ['bud', '--isolation', 'chroot', ...options, '--tag', tag, context]
      await promisify(execFile)('buildah', [...storage, ...args], {
        env,
        timeout: BUILD_MS,
        signal: builds.signal,
        maxBuffer: OUTPUT_BYTES_MAX,
      })
    },
    close: async () => {
      builds.abort()
      for (const { Id } of await docker.listContainers({ all: true }))
        await docker.getContainer(Id).remove({ force: true })
      service.kill('SIGTERM')
      await once(service, 'exit')
    },
  }
}

async function answers(docker: Docker, service: ChildProcess): Promise<void> {
  let said = ''
  service.stderr?.on('data', (chunk: Buffer) => {
    said += chunk
  })
  for (let tries = 0; tries < START_TRIES && service.exitCode === null; tries++) {
    const pong = await docker.ping().catch(() => undefined)
    if (pong) return
    await sleep(START_POLL_MS)
  }
  service.kill('SIGKILL')
  throw new Error(`podman does not answer: ${said}`)
}
