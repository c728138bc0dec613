/** The JSON Pointer (RFC 6901) of a place in a document; '' for the document itself. */
export function pointerTo(...steps: readonly string[]): string {
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
