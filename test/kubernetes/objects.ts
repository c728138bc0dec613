import { parseAllDocuments } from 'yaml'
import type { Manifest } from '../deploy/kustomize.ts'

/** The arguments of kubectl with which the API server checks objects of standard input, unknown fields included, and stores nothing. */
export const DRY_RUN = ['apply', '--dry-run=server', '--validate=strict', '-o', 'yaml', '-f', '-']

export const nameOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`

export const byName = (all: readonly Manifest[]): Manifest[] =>
  [...all].sort((a, b) => nameOf(a).localeCompare(nameOf(b)))

/** The objects of a text with several documents or a list. */
export function readObjects(text: string): Manifest[] {
  const all = parseAllDocuments(text).map((document) => document.toJS())
  return all.flatMap((one) => (one?.kind === 'List' ? one.items : one ? [one] : []))
}
