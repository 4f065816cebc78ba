import { refuse, type ValueType } from '../extension.ts'

export interface AbbreviatedListOptions {
  readonly what: string
  /** In the order in which a save prints them. */
  readonly words: readonly string[]
  /** Stands for none of them: `--ctstatus NONE`. */
  readonly empty?: string
}

/**
 * Several words joined by commas, in any case, where the beginning of a word is enough: iptables
 * compares only as many characters as were typed, and the first word that fits wins.
 */
export function abbreviatedList({ what, words, empty }: AbbreviatedListOptions): ValueType {
  const known = empty === undefined ? words : [empty, ...words]
  return {
    name: `list ${what}`,
    words: 1,
    parse: ([word = '']) => {
      const chosen = new Set<string>()
      for (const part of word.split(',')) {
        const name = known.find((k) => part !== '' && k.startsWith(part.toUpperCase()))
        if (name === undefined) {
          const hint = `one or more of: ${known.join(', ')}`
          return refuse('invalid-value', `"${part}" is not a ${what}`, hint)
        }
        chosen.add(name)
      }
      const saved = words.filter((w) => chosen.has(w))
      return [saved.length === 0 ? (empty as string) : saved.join(',')]
    },
    schema: {
      anyOf: [{ enum: known }, { type: 'string' }, { type: 'array', items: { type: 'string' } }],
    },
    description: `a ${what}, or several`,
    examples: words.slice(0, 2),
    sample: (random) => {
      const picked = known.filter(() => random(3) === 0)
      if (random(2) === 0) picked.reverse()
      if (picked.length === 0) picked.push(known[random(known.length)] as string)
      const list = picked.join(',')
      return [random(4) === 0 ? list.toLowerCase() : list]
    },
  }
}
