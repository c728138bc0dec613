/** A key of a flag in a text; `line` counts from 1. */
export type KeyMatch = { readonly key: string; readonly line: number; readonly text: string }

/** Words of code. A hyphen is part of a word, so that the key "checkout" is not found in "new-checkout". */
const WORD = /[\p{L}\p{N}_-]+/gu

type IndexedKey = { readonly key: string; readonly offset: number }

/** Finds keys of flags in texts, all keys in one pass over a text. */
export class KeyFinder {
  /** Keys by their first word, with its place in the key. */
  readonly #byWord = new Map<string, IndexedKey[]>()
  /** Keys without any letter, digit, hyphen or underscore: they cannot be found. */
  readonly unsearchable: readonly string[]

  constructor(keys: Iterable<string>) {
    const unsearchable: string[] = []
    for (const key of keys) {
      const [word] = key.matchAll(WORD)
      if (!word) unsearchable.push(key)
      else this.#byWord.set(word[0], [...(this.#byWord.get(word[0]) ?? []), { key, offset: word.index }])
    }
    this.unsearchable = unsearchable
  }

  /** The keys in a text, each once for each of its lines, in their order. A key is found only between words. */
  find(text: string): KeyMatch[] {
    const matches: KeyMatch[] = []
    for (const [index, line] of text.split('\n').entries())
      for (const key of this.#keysIn(line)) matches.push({ key, line: index + 1, text: line.trim() })
    return matches
  }

  #keysIn(line: string): Set<string> {
    const found = new Set<string>()
    for (const { 0: word, index } of line.matchAll(WORD))
      for (const { key, offset } of this.#byWord.get(word) ?? [])
        if (key === word || isAt(line, key, index - offset)) found.add(key)
    return found
  }
}

function isAt(line: string, key: string, at: number): boolean {
  if (at < 0 || !line.startsWith(key, at)) return false
  const joined = (place: number) => /^[\p{L}\p{N}_-]{2}$/u.test(line.slice(place - 1, place + 1))
  return !joined(at) && !joined(at + key.length)
}
