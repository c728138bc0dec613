import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import Docker from 'dockerode'

/** Builds with buildah and runs with podman and runc, behind the Docker Engine API on a socket, all in a separate folder. */
export type Engine = {
  readonly docker: Docker
  build(tag: string, context: string, options?: readonly string[]): Promise<void>
  /** An image by its digest, `name@sha256:…`. */
  reference(tag: string): Promise<string>
  /** Writes an image into an OCI layout. */
  save(tag: string, layout: string): Promise<void>
  /** Reads the image of an OCI layout. */
  load(layout: string): Promise<void>
  close(): Promise<void>
}

const START_TRIES = 200
const START_POLL_MS = 50
/** Time limit of a build. */
const BUILD_MS = 5 * 60_000
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024

/** Needs no registry, network namespace or kernel module: it works for root on a small virtual machine. */
export async function startEngine(folder: string): Promise<Engine> {
  const storage = ['--storage-driver', 'vfs', '--root', join(folder, 'storage'), '--runroot', join(folder, 'run')]
  const env = { ...process.env, TMPDIR: folder }
  const socketPath = join(folder, 'engine.sock')
  const flags = [...storage, '--runtime=runc', '--cgroup-manager=cgroupfs']
  // In a separate process group: Ctrl-C reaches only this process, which ends podman after its containers.
  const service = spawn('podman', [...flags, 'system', 'service', '--time=0', `unix://${socketPath}`], {
    env,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const docker = new Docker({ socketPath })
  const builds = new AbortController()
  await answers(docker, service)
  const buildah = async (...args: string[]) => {
    const options = { env, timeout: BUILD_MS, signal: builds.signal, maxBuffer: OUTPUT_BYTES_MAX }
    return (await promisify(execFile)('buildah', [...storage, ...args], options)).stdout
  }
  return {
    docker,
    build: async (tag, context, options = []) => {
      await buildah('bud', '--isolation', 'chroot', ...options, '--tag', tag, context)
    },
    reference: async (tag) => {
      const digest = await buildah('inspect', '--format', '{{.FromImageDigest}}', tag)
      return `${tag.slice(0, tag.lastIndexOf(':'))}@${digest.trim()}`
    },
    save: async (tag, layout) => {
      await buildah('push', '--disable-compression', tag, `oci:${layout}`)
    },
    load: async (layout) => {
      await buildah('pull', `oci:${layout}`)
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
  let output = ''
  service.stderr?.on('data', (chunk: Buffer) => {
    output += chunk
  })
  for (let tries = 0; tries < START_TRIES && service.exitCode === null; tries++) {
    const pong = await docker.ping().catch(() => undefined)
    if (pong) return
    await sleep(START_POLL_MS)
  }
  service.kill('SIGKILL')
  throw new Error(`podman does not respond: ${output}`)
}
