import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { parse, parseAllDocuments } from 'yaml'

const Operation = v.variant('op', [
  v.strictObject({ op: v.picklist(['add', 'replace']), path: v.string(), value: v.unknown() }),
  v.strictObject({ op: v.literal('remove'), path: v.string() }),
])
const Kustomization = v.strictObject({
  apiVersion: v.picklist(['kustomize.config.k8s.io/v1beta1', 'kustomize.config.k8s.io/v1alpha1']),
  kind: v.picklist(['Kustomization', 'Component']),
  namespace: v.optional(v.string()),
  resources: v.optional(v.array(v.string()), []),
  components: v.optional(v.array(v.string()), []),
  images: v.optional(v.array(v.strictObject({ name: v.string(), newName: v.string(), newTag: v.string() })), []),
  patches: v.optional(
    v.array(
      v.strictObject({
        target: v.strictObject({ kind: v.string(), name: v.optional(v.string()) }),
        patch: v.pipe(
          v.string(),
          v.transform((text) => parse(text)),
          v.array(Operation),
        ),
      }),
    ),
    [],
  ),
})
type Operation = v.InferOutput<typeof Operation>
export type Manifest = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; namespace?: string }
  readonly [member: string]: unknown
}
export type Container = {
  image: string
  readonly args?: readonly string[]
  readonly env: readonly { readonly name: string; readonly value?: string }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly [member: string]: unknown
}

/**
 * Builds a folder with a kustomization, as `kubectl kustomize` does: resources, then components, then the overlay's own patches,
 * namespace and images. Supports only the features that our folders use; anything else is refused.
 */
export function kustomize(folder: string, below: Manifest[] = []): Manifest[] {
  const { resources, components, patches, namespace, images } = v.parse(
    Kustomization,
    parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')),
  )
  let manifests = [...below, ...resources.flatMap((path) => read(join(folder, path)))]
  for (const path of components) manifests = kustomize(join(folder, path), manifests)
  for (const { target, patch } of patches) {
    const targets = manifests.filter(
      ({ kind, metadata }) => kind === target.kind && metadata.name === (target.name ?? metadata.name),
    )
    if (targets.length === 0) throw new Error(`A patch of ${folder} has no target: ${JSON.stringify(target)}`)
    for (const manifest of targets) for (const operation of patch) apply(manifest, operation)
  }
  if (namespace !== undefined) for (const { metadata } of manifests) metadata.namespace = namespace
  for (const manifest of manifests)
    for (const container of containersOf(manifest))
      for (const { name, newName, newTag } of images)
        if (container.image === name) container.image = `${newName}:${newTag}`
  return manifests
}

/** Every folder below `root` that has a kustomization. */
export function kustomizations(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('kustomization.yaml'))
    .map((path) => join(root, path, '..'))
}

export function readManifests(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as Manifest)
}

function read(path: string): Manifest[] {
  return path.endsWith('.yaml') ? readManifests(path) : kustomize(path)
}

/** JSON Patch (RFC 6902), without move, copy and test. */
function apply(manifest: Manifest, operation: Operation): void {
  const names = operation.path
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = names.pop() ?? ''
  const parent = names.reduce<any>((value, name) => value?.[name], manifest)
  if (operation.op !== 'add' && parent?.[last] === undefined)
    throw new Error(`There is no ${operation.path} in ${manifest.metadata.name}`)
  if (operation.op === 'remove') delete parent[last]
  else if (last === '-') parent.push(operation.value)
  else parent[last] = operation.value
}

/** The containers of a manifest of any kind. */
export function containersOf(value: unknown): Container[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'containers' ? (member as Container[]) : containersOf(member),
  )
}
