/** Names of segments that are generated begin with this, and no others do. */
const RESERVED = 'fs.'

export const isReservedName = (name: string): boolean => name.startsWith(RESERVED)

/** The segment that names the variant of a flag. Characters that flagd could not match in JSON text are percent-encoded. */
export const flagSegment = (key: string): string => `fs.flag.${encodeKey(key)}`
export const isFlagSegment = (name: string): boolean => name.startsWith('fs.flag.')
/** The segment that names the slot of a user in a group. */
export const groupSegment = (name: string): string => `fs.group.${name}`
/** The segment that is true for the users of a holdout. */
export const holdoutSegment = (name: string): string => `fs.holdout.${name}`

const encodeKey = (key: string): string =>
  encodeURIComponent(key).replaceAll(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
