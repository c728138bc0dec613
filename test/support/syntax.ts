import { parseAst } from 'rolldown/parseAst'
import { sources } from './sources.ts'

/** A node of a syntax tree in the form of ESTree. */
export type Node = { readonly type: string; readonly start: number; readonly end: number } & Readonly<
  Record<string, unknown>
>
/** A node of a source file, with its text. */
export type Found = { readonly file: string; readonly node: Node; readonly text: string }

/** Every node of every source file that is not generated; each parent comes before its children. */
export function* nodesOfSources(): Generator<Found> {
  for (const { file, text } of sources)
    for (const node of within(parseAst(text, { lang: file.endsWith('x') ? 'tsx' : 'ts' })))
      yield { file, node, text: text.slice(node.start, node.end) }
}

function* within(value: unknown): Generator<Node> {
  if (typeof value !== 'object' || value === null) return
  if (isNode(value)) yield value
  for (const child of Object.values(value)) yield* within(child)
}

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value
