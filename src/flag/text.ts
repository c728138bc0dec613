/** True for text that Postgres can hold as it is: well-formed Unicode without NUL. */
export const isText = (text: string): boolean => !text.includes('\0') && text.isWellFormed()
